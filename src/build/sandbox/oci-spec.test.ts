import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerCapabilities } from './capabilities.ts';
import { hostsFile, resolvConf } from './network-files.ts';
import { type OciSpec, type OciSpecInput, ociSpec } from './oci-spec.ts';
import { seccompProfile } from './seccomp-profile.ts';

const input: OciSpecInput = {
  root: '/r',
  args: ['a'],
  env: ['PATH=/bin'],
  cwd: '/',
  user: { uid: 33, gid: 34, groups: [50], home: '/var/www' },
  hostname: 'h',
  network: 'host',
  inUserNamespace: false,
  singleId: false,
  bindFlags: 'kept',
  capabilities: ['CAP_CHOWN'],
  files: { '/etc/hosts': '/s/hosts' },
  mounts: [],
  security: 'sandbox',
  limits: { ulimits: [] },
};

const make = (changes: Partial<OciSpecInput> = {}): OciSpec => ociSpec({ ...input, ...changes });
const sys = (spec: OciSpec) => spec.mounts.find(({ destination }) => destination === '/sys');

describe('ociSpec', () => {
  test('the process is the user’s, with HOME and without inheritable capabilities', () => {
    const { process } = make();
    assert.deepEqual(process.user, { uid: 33, gid: 34, additionalGids: [50], umask: 0o022 });
    assert.deepEqual(process.env, ['PATH=/bin', 'HOME=/var/www']);
    assert.deepEqual(make({ env: ['HOME=/x'] }).process.env, ['HOME=/x']);
    assert.deepEqual(Object.keys(process.capabilities).sort(), ['bounding', 'effective', 'permitted']);
    assert.equal(process.terminal, false);
    assert.equal(process.noNewPrivileges, false);
  });

  test('a terminal has its size from the start, where it is known', () => {
    const { process } = make({ terminal: { rows: 33, columns: 77 } });
    assert.equal(process.terminal, true);
    assert.deepEqual(process.consoleSize, { height: 33, width: 77 });
    const unknown = make({ terminal: { rows: 0, columns: 0 } }).process;
    assert.equal(unknown.terminal, true);
    assert.equal('consoleSize' in unknown, false);
  });

  test('a network namespace only without network, never a user namespace: binfmt_misc is per user namespace', () => {
    const types = (spec: OciSpec) => spec.linux.namespaces.map(({ type }) => type);
    assert.deepEqual(types(make()), ['pid', 'mount', 'ipc', 'uts']);
    assert.deepEqual(types(make({ network: 'none' })), ['pid', 'mount', 'ipc', 'uts', 'network']);
  });

  test('/sys is bound where the kernel would refuse a new one, always read-only', () => {
    assert.equal(sys(make())?.type, 'sysfs');
    assert.equal(sys(make({ inUserNamespace: true, network: 'none' }))?.type, 'sysfs');
    const bound = sys(make({ inUserNamespace: true }));
    assert.deepEqual([bound?.type, bound?.source, bound?.options.includes('rbind')], ['bind', '/sys', true]);
    for (const inUserNamespace of [true, false])
      assert.ok(sys(make({ inUserNamespace }))?.options.includes('ro'));
  });

  test('generated files are bound read-only', () => {
    const hosts = make().mounts.at(-1);
    assert.deepEqual([hosts?.destination, hosts?.source], ['/etc/hosts', '/s/hosts']);
    assert.ok(hosts?.options.includes('ro'));
  });

  test('what Docker hides is hidden', () => {
    const { maskedPaths, readonlyPaths } = make().linux;
    for (const path of ['/proc/kcore', '/proc/keys', '/sys/firmware']) assert.ok(maskedPaths?.includes(path));
    for (const path of ['/proc/sys', '/proc/sysrq-trigger']) assert.ok(readonlyPaths?.includes(path));
  });
});

test('seccomp is Docker’s profile, and none for an insecure program', () => {
  const seccomp = seccompProfile('x64');
  const of = (changes: Partial<OciSpecInput>) => (make(changes).linux as { seccomp?: object }).seccomp;
  assert.equal(of({ seccomp }), seccomp);
  assert.equal(of({ seccomp, security: 'insecure' }), undefined);
  assert.equal(seccompProfile('sparc'), undefined);
  const text = JSON.stringify(seccomp);
  for (const name of ['openat', 'clone3', 'arch_prctl', 'ptrace'])
    assert.ok(text.includes(`"${name}"`), name);
  for (const name of ['mount', 'bpf', 'unshare', 'init_module', 'open_by_handle_at'])
    assert.ok(!text.includes(`"${name}"`), name);
});

test('limits, mounts and hosts are in the spec', () => {
  const spec = make({
    limits: { ulimits: [{ name: 'memlock', soft: 5, hard: -1 }], shmBytes: 7 },
    mounts: [{ kind: 'tmpfs', target: '/t', readOnly: true, maxBytes: 9 }],
  });
  assert.match(
    JSON.stringify(spec),
    /"rlimits":\[{"type":"RLIMIT_MEMLOCK","soft":5,"hard":18446744073709551615}\]/,
  );
  assert.ok(spec.mounts.find(({ destination }) => destination === '/dev/shm')?.options.includes('size=7'));
  assert.deepEqual(spec.mounts.at(-1)?.options, ['nosuid', 'nodev', 'ro', 'size=9']);
  assert.match(hostsFile('h', [{ name: 'a', address: '::2' }]), /\n::2\ta\n$/);
});

test('capabilities are Docker’s, less those that are not this process’s to give', () => {
  const all = containerCapabilities('CapBnd:\t000001ffffffffff\n');
  assert.equal(all.length, 14);
  assert.ok(!all.includes('CAP_SYS_ADMIN'));
  assert.ok(!containerCapabilities('CapBnd:\t000001fff7ffffff\n').includes('CAP_MKNOD'));
});

test('network files', () => {
  assert.match(hostsFile('buildkitsandbox'), /^127\.0\.0\.1\tlocalhost buildkitsandbox$/m);
  assert.equal(resolvConf('none', 'nameserver 1.2.3.4\n'), '');
  assert.equal(resolvConf('host', 'nameserver 127.0.0.53'), 'nameserver 127.0.0.53\n');
  assert.match(resolvConf('host', '# nothing\n'), /^nameserver 8/);
  assert.match(resolvConf('host', undefined), /^nameserver 8/);
});

test('where there is one id, no group is set and what changes ids is pretended', () => {
  const spec = make({ singleId: true });
  assert.deepEqual(spec.process.user.additionalGids, []);
  assert.ok(!JSON.stringify(spec.mounts).includes('gid='));
  const rules = seccompProfile('x64', { singleId: true })?.syscalls ?? [];
  const chown = rules.filter(({ names }) => names.includes('chown'));
  assert.deepEqual(
    chown.map(({ action, errnoRet }) => [action, errnoRet]),
    [['SCMP_ACT_ERRNO', 0]],
  );
});

test('the seccomp profile is of the machine’s own architecture, whatever it is', () => {
  const cloneFlags = (architecture: string) =>
    seccompProfile(architecture)?.syscalls.find(({ names }) => names.includes('clone'))?.args?.[0]?.index;
  assert.deepEqual(seccompProfile('arm64')?.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  assert.equal(cloneFlags('arm64'), 0);
  assert.equal(cloneFlags('s390x'), 1);
  for (const [architecture, own] of [
    ['arm64', 'cacheflush'],
    ['riscv64', 'riscv_flush_icache'],
    ['x64', 'arch_prctl'],
  ] as const) {
    const text = JSON.stringify(seccompProfile(architecture));
    assert.ok(text.includes(`"${own}"`), own);
    assert.equal(text.includes('"arch_prctl"'), architecture === 'x64');
  }
});

test('a runtime that would take flags from a bind is told all of them', () => {
  const mounts = [{ kind: 'bind', source: '/s', target: '/t', readOnly: true }] as const;
  const options = (bindFlags: OciSpecInput['bindFlags']) =>
    make({ mounts, bindFlags }).mounts.find(({ destination }) => destination === '/t')?.options;
  assert.deepEqual(options('kept'), ['rbind']);
  assert.deepEqual(options('told'), ['rbind', 'nodev', 'ro']);
});
