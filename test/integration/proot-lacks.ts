import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunMount } from '../../src/build/keeper/protocol.ts';
import type { SandboxSubject } from './sandbox.suite.ts';

const refused = { code: 'UNSUPPORTED' };

/** Docker's default set (moby/profiles, `DefaultCapabilities`), as a mask of /proc/PID/status. */
const dockerCapabilities = 0xa80425fbn;

/** Bytes read from a node of /dev/zero's numbers that this process makes: 0 or 1. */
function opensOwnDevice(directory: string): string {
  const own = mkdtempSync(join(directory, 'device-'));
  try {
    const script = 'mknod zero c 1 5 2>/dev/null; head -c1 zero 2>/dev/null | wc -c';
    return spawnSync('sh', ['-c', script], { cwd: own, encoding: 'utf8' }).stdout;
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** What the proot tier gives in place of what needs mounts, namespaces or a filter. `volume`: a directory to make, of this machine. */
export function prootLacks(volume: string): NonNullable<SandboxSubject['lacks']> {
  return {
    'host-name': {
      instead: 'the host name is this machine’s',
      holds: async ({ run }) => assert.equal((await run('hostname')).output, `${hostname()}\n`),
    },
    'network-none': {
      instead: 'network none is refused',
      holds: async ({ run }) => await assert.rejects(run(':', { network: 'none' }), refused),
    },
    'masked-paths': {
      instead: '/proc and /sys are this machine’s, /dev is the tier’s own',
      holds: async ({ run }) => {
        const { output } = await run(
          'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; ls -d /dev/pts /dev/shm; ls /dev/shm;' +
            ' cat /proc/sys/kernel/hostname; ls -d /sys/kernel; ls /dev | grep -c -e ^sd -e ^vd -e ^mem$ -e ^kmsg$',
        );
        assert.equal(output, `/dev/pts\n/dev/shm\n${hostname()}\n/sys/kernel\n0\n`);
      },
    },
    seccomp: {
      instead: 'a program has no more capabilities than Docker gives',
      holds: async ({ run }) => {
        const { output } = await run('grep -e ^CapEff: -e ^CapPrm: /proc/self/status');
        const sets = [...output.matchAll(/^Cap\w+:\s+([0-9a-f]+)$/gm)].map(([, set]) => BigInt(`0x${set}`));
        assert.equal(sets.length, 2);
        for (const set of sets) assert.equal(set & ~dockerCapabilities, 0n);
      },
    },
    devices: {
      instead: 'a node that a program makes opens as this process’s own would',
      holds: async ({ run }) => {
        const script = 'mknod /zero c 1 5 2>/dev/null; head -c1 /zero 2>/dev/null | wc -c';
        mkdirSync(volume, { recursive: true });
        assert.equal((await run(script)).output, opensOwnDevice(volume));
      },
    },
    'read-only-mounts': {
      instead: 'mounts show what is there; what is written to another tree is thrown away',
      holds: async ({ run, tree }) => {
        const { snapshot } = await run('mkdir /srv; echo one > /srv/file');
        assert.ok(snapshot);
        const from = [...tree, snapshot];
        const bind: RunMount = { kind: 'tree', target: '/in', tree: from, source: '/srv', writable: false };
        const script = 'cat /in/file; echo two > /in/file; exit 0';
        for (const writable of [false, true]) {
          const { output } = await run(script, { mounts: [{ ...bind, writable }] });
          assert.equal(output.split('\n')[0], 'one');
        }
        assert.equal((await run('cat /in/file', { mounts: [bind] })).output, 'one\n');
        await assert.rejects(run(':', { mounts: [{ ...bind, source: '/srv/none' }] }), { code: 'NOT_FOUND' });
        mkdirSync(volume, { recursive: true });
        writeFileSync(join(volume, 'file'), 'here\n');
        const host: RunMount = { kind: 'host', target: '/v', path: volume, readOnly: true };
        assert.equal((await run('cat /v/file', { mounts: [host] })).output, 'here\n');
      },
    },
    'tmpfs-size': {
      instead: 'a tmpfs is a directory that goes with the step; a size is refused',
      holds: async ({ run }) => {
        const ram: RunMount = { kind: 'tmpfs', target: '/ram', readOnly: false };
        const script = 'stat -c %a /ram; ls /ram; echo x > /ram/f';
        for (const _ of [1, 2]) assert.equal((await run(script, { mounts: [ram] })).output, '1777\n');
        await assert.rejects(run(':', { mounts: [{ ...ram, maxBytes: 1024 }] }), refused);
      },
    },
    'shm-size': {
      instead: '/dev/shm is a directory of the step’s; a size is refused',
      holds: async ({ run }) => {
        for (const _ of [1, 2])
          assert.equal((await run('ls /dev/shm; echo x > /dev/shm/f; cat /dev/shm/f')).output, 'x\n');
        await assert.rejects(run(':', { limits: { ulimits: [], shmBytes: 1024 } }), refused);
      },
    },
    insecure: {
      instead: 'an insecure step is refused, and none may mount',
      holds: async ({ run }) => {
        const script = 'mkdir -p /m; mount -t tmpfs none /m 2>/dev/null && echo mounted; exit 0';
        assert.equal((await run(script)).output, '');
        await assert.rejects(run(script, { security: 'insecure' }), refused);
      },
    },
  };
}
