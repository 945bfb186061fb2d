import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProotCommand, prootArguments, riskyNames, underShell } from './proot-arguments.ts';

const command: ProotCommand = {
  root: '/r',
  devices: '/s/dev',
  binds: [{ source: '/s/hosts', target: '/etc/hosts' }],
  cwd: '/w',
  emulator: undefined,
  pretend: undefined,
  args: ['a', '-b'],
};
const text = (changes: Partial<ProotCommand> = {}): string =>
  prootArguments({ ...command, ...changes }).join(' ');

test('the root, its binds in their order, then the program', () => {
  assert.match(text(), /^-v -1 -r \/r -w \/w -b \/proc -b \/sys -b \/s\/dev:\/dev /);
  assert.match(text(), / -b \/s\/hosts:\/etc\/hosts a -b$/);
});

test('ids are pretended for an ordinary user alone', () => {
  const user = { uid: 0, gid: 0, groups: [], home: '/' };
  assert.doesNotMatch(text(), / -0 | -i /);
  assert.match(text({ pretend: user }), / -0 /);
  assert.match(text({ pretend: { ...user, uid: 33, gid: 34 } }), / -i 33:34 /);
});

test('an emulator sees itself in place of this machine', () => {
  const emulator = { program: '/usr/bin/qemu', host: '/s/host' };
  assert.match(
    text({ emulator }),
    / -q \/usr\/bin\/qemu -b \/s\/host:\/host-rootfs -b \/usr\/bin\/qemu:\/host-rootfs\/usr\/bin\/qemu a -b$/,
  );
});

test('variables that would change proot are set behind it', () => {
  const env = ['PATH=/bin', 'LD_PRELOAD=/x', 'QEMU_CPU=max', 'LDX=1'];
  assert.deepEqual(riskyNames(env), ['LD_PRELOAD', 'QEMU_CPU']);
  const { args, env: early } = underShell({ args: ['a', 'b'], env });
  assert.deepEqual(early, ['PATH=/bin', 'LDX=1']);
  assert.deepEqual(args.slice(3), ['sh', '2', 'LD_PRELOAD=/x', 'QEMU_CPU=max', 'a', 'b']);
});
