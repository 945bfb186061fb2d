import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { KeeperClient } from '../../src/build/keeper/keeper-client.ts';
import type { RunMount, RunRequest, Tree } from '../../src/build/keeper/protocol.ts';
import { formatPlatform, type Platform } from '../../src/oci/platform.ts';
import { contentsOf } from '../fixtures/contents-of.ts';
import { processes } from './processes.ts';
import { runInKeeper, type WhileItRuns } from './run-in-keeper.ts';

/** What a tier may be unable to do. */
export type SandboxFeature =
  | 'host-name'
  | 'network-none'
  | 'masked-paths'
  | 'seccomp'
  | 'devices'
  | 'read-only-mounts'
  | 'tmpfs-size'
  | 'shm-size'
  | 'ulimits'
  | 'insecure';

/** What holds in a tier in place of a feature: nothing is lacking without a test of its own. */
export interface SandboxLack {
  readonly instead: string;
  readonly holds: (steps: SandboxSteps) => Promise<void>;
}

export interface SandboxSteps {
  /** The base image. */
  readonly tree: Tree;
  readonly run: (
    script: string,
    options?: Partial<RunRequest>,
  ) => Promise<Awaited<ReturnType<typeof runInKeeper>>>;
}

export interface SandboxSubject {
  /** A keeper whose programs run in the tier. */
  readonly start: () => Promise<KeeperClient>;
  /** The busybox base image for the platform. */
  readonly tree: () => Tree;
  readonly platform: Platform;
  /** The keeper's data directory. */
  readonly data: string;
  /** Exists, writable; a directory of this machine. */
  readonly scratch: string;
  readonly lacks?: Readonly<Partial<Record<SandboxFeature, SandboxLack>>>;
}

const machines: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** What holds of a program that a keeper runs, whatever the tier: the one suite for all of them, for root and ordinary users, native and emulated. */
export function sandboxSuite(name: string, subject: SandboxSubject): void {
  const { platform, lacks = {} } = subject;
  describe(`sandbox ${name}, ${formatPlatform(platform)}`, { timeout: 900_000, concurrency: 3 }, () => {
    let keeper: KeeperClient;
    let tree: Tree;
    before(async () => {
      keeper = await subject.start();
      tree = subject.tree();
    });
    after(() => keeper.close());

    const testOf = (feature: SandboxFeature, title: string, body: () => Promise<void>): void => {
      if (lacks[feature] === undefined) test(title, body);
    };

    const run = (script: string, options: Partial<RunRequest> = {}, during: WhileItRuns = {}) =>
      runInKeeper({ keeper, tree, platform }, script, options, during);

    test('a program runs on the platform, and its redirections write what they should', async () => {
      const { output } = await run('uname -m > /f; cat /f; echo "$0"');
      assert.equal(output, `${machines[platform.architecture]}\n/bin/sh\n`);
    });

    for (const { instead, holds } of Object.values(lacks)) test(instead, () => holds({ tree, run }));

    test('exit codes come back, and a failed step leaves nothing', async () => {
      assert.deepEqual(await run('exit 7'), { exitCode: 7, output: '' });
      assert.equal((await run('sleep 9 & kill -TERM $!; wait $!')).exitCode, 143);
      assert.equal((await run('', { args: ['nosuchprogram'] })).exitCode, 127);
      assert.equal((await run('', { args: ['/etc/passwd'] })).exitCode, 126);
    });

    test('the environment is the request’s, with HOME and nothing of the host’s', async () => {
      const { output } = await run('env | grep -v -e SHLVL -e PWD | sort; umask; pwd', {
        env: ['PATH=/bin', 'A=b c'],
        cwd: '/new/directory',
      });
      assert.equal(output, 'A=b c\nHOME=/root\nPATH=/bin\n0022\n/new/directory\n');
    });

    testOf('host-name', 'the host name is the request’s', async () => {
      assert.equal((await run('hostname')).output, 'buildkitsandbox\n');
    });

    test('standard input is empty', async () => {
      assert.equal((await run('cat; echo end')).output, 'end\n');
    });

    test('users and groups are the image’s own', async () => {
      assert.match((await run('id', { user: 'www-data' })).output, /^uid=33\(www-data\) gid=33\(www-data\)/);
      assert.match(
        (await run('id; echo $HOME', { user: '33:100' })).output,
        /^uid=33.* gid=100.*\n\/var\/www\n/,
      );
      assert.match((await run('id', { user: '12345' })).output, /^uid=12345 gid=0/);
      await assert.rejects(run('id', { user: 'nosuch' }), { code: 'NOT_FOUND' });
      await assert.rejects(run('id', { user: 'root:nosuch' }), { code: 'NOT_FOUND' });
    });

    testOf('network-none', 'network none has the loopback alone', async () => {
      const { output } = await run('ls /sys/class/net; ip link show lo | grep -c UP', { network: 'none' });
      assert.equal(output, 'lo\n1\n');
    });

    testOf(
      'masked-paths',
      '/proc, /sys and /dev are as Docker gives them, and not writable where that matters',
      async () => {
        const { output } = await run(
          'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; ls /dev/pts /dev/shm;' +
            ' for f in /proc/sys/kernel/hostname /sys/kernel/mm/ksm/run /proc/sysrq-trigger; do (echo 1 > $f) 2>/dev/null && echo wrote $f; done;' +
            ' cat /proc/kcore 2>/dev/null | head -c1 | wc -c; ls /proc | grep -c "^[0-9]*$" | sed "s/^[2-9]$/few/"',
        );
        assert.equal(output, '/dev/pts:\nptmx\n\n/dev/shm:\n0\nfew\n');
      },
    );

    testOf('devices', 'no device but the usual ones opens, whoever made its node', async () => {
      const made =
        'mknod /zero c 1 5 2>/dev/null; mknod /dev/zero2 c 1 5 2>/dev/null; mknod /dev/shm/zero c 1 5 2>/dev/null';
      const opened = 'for d in /zero /dev/zero2 /dev/shm/zero; do head -c1 $d 2>/dev/null | wc -c; done';
      assert.equal((await run(`${made}; ${opened}; head -c1 /dev/zero | wc -c`)).output, '0\n0\n0\n1\n');
    });

    test('/dev/stdout opens, for users that are not root too', async () => {
      for (const user of ['', 'www-data']) {
        const { output } = await run('echo out > /dev/stdout; echo err > /dev/stderr', { user });
        // Two pipes: nothing says which is read first.
        assert.deepEqual(output.split('\n').sort(), ['', 'err', 'out']);
      }
    });

    test('a program gets none of the keeper’s descriptors', async () => {
      assert.equal((await run('ls /proc/self/fd | wc -l')).output, '4\n');
    });

    test('a process that a step leaves behind ends with it', async () => {
      const started = performance.now();
      assert.equal((await run('sleep 987 & echo done')).output, 'done\n');
      assert.ok(performance.now() - started < 10_000);
      assert.equal(processes('sleep 987'), 0);
    });

    test('a cancelled step ends with all its processes, the keeper goes on', async () => {
      const controller = new AbortController();
      const step = run('sleep 986 & sleep 986', {}, controller);
      setTimeout(() => controller.abort(), 500);
      await assert.rejects(step, { code: 'INTERRUPTED' });
      assert.equal(processes('sleep 986'), 0);
      assert.equal((await run('echo on')).output, 'on\n');
    });

    test('signals end a program with their number', async () => {
      assert.equal((await run(`sh -c 'kill -KILL $$'; exit $?`)).exitCode, 137);
      assert.equal((await run(`sh -c 'kill -SEGV $$'; exit $?`)).exitCode, 139);
      assert.equal((await run('trap "exit 9" TERM; kill -TERM $$; sleep 5')).exitCode, 9);
    });

    test('supplementary groups come from /etc/group for a user without a group', async () => {
      const prepare = await run(
        'echo staff:x:50:www-data >> /etc/group; echo more:x:60:root,www-data >> /etc/group',
      );
      assert.ok(prepare.snapshot);
      const grown: Tree = [...tree, prepare.snapshot];
      const groups = async (user: string) => (await run('id -G', { tree: grown, user })).output.trim();
      assert.equal(await groups('www-data'), '33 50 60');
      assert.equal(await groups('33'), '33 50 60');
      assert.equal(await groups('www-data:33'), '33');
      assert.equal(await groups(''), '0 60');
    });

    test('no terminal anywhere', async () => {
      const { output } = await run(
        'for f in 0 1 2; do [ -t $f ] && echo tty $f; done; (: < /dev/tty) 2>&1 | grep -c tty',
      );
      assert.equal(output, '1\n');
    });

    test('/etc/hosts and /etc/resolv.conf are given, read-only, and in no layer', async () => {
      const { output } = await run(
        'cat /etc/hosts; for f in hosts resolv.conf; do (echo x >> /etc/$f) 2>/dev/null && echo wrote $f; done; [ -s /etc/resolv.conf ] || echo empty',
        {
          extraHosts: [
            { name: 'registry.test', address: '192.0.2.7' },
            { name: 'six.test', address: '2001:db8::1' },
          ],
        },
      );
      assert.match(output, /^127\.0\.0\.1\tlocalhost buildkitsandbox$/m);
      assert.match(output, /^192\.0\.2\.7\tregistry\.test$/m);
      assert.match(output, /^2001:db8::1\tsix\.test$/m);
      assert.doesNotMatch(output, lacks['read-only-mounts'] === undefined ? /wrote|empty/ : /empty/);
    });

    test('100 MB of output arrive whole', async () => {
      let bytes = 0;
      const count = (chunk: Buffer): void => {
        bytes += chunk.length;
      };
      const request = {
        tree,
        platform,
        env: ['PATH=/bin'],
        cwd: '/',
        user: '',
        network: 'host',
        hostname: 'h',
      } as const;
      const script = 'dd if=/dev/zero bs=1M count=100 2>/dev/null';
      const { exitCode } = await keeper.run(
        { ...request, args: ['/bin/sh', '-c', script] },
        { stdout: count },
      );
      assert.deepEqual([exitCode, bytes], [0, 100 * 1024 * 1024]);
    });

    async function snapshotOf(script: string): Promise<Tree> {
      const { snapshot, output } = await run(script);
      assert.ok(snapshot, output);
      return [...tree, snapshot];
    }

    /** Suites of several tiers share a data directory. */
    const suite = createHash('sha256')
      .update(`${name} ${formatPlatform(platform)}`)
      .digest('hex');
    const keyOf = (prefix: string): string => `${prefix}${suite.slice(0, 32)}`;
    const cache = (changes: object = {}): RunMount => ({
      ...{ kind: 'cache', target: '/cache', key: keyOf('c0'), id: 'a cache', platform: 'any' },
      ...{ sharing: 'shared', readOnly: false, source: '/', start: { uid: 0, gid: 0, mode: 0o755 } },
      ...changes,
    });

    testOf(
      'read-only-mounts',
      'a bind of another tree shows its files; writes are refused, or thrown away',
      async () => {
        const from = await snapshotOf('mkdir -p /srv/deep; echo one > /srv/deep/file; ln -s deep /srv/link');
        const mount: RunMount = {
          kind: 'tree',
          target: '/new/in',
          tree: from,
          source: '/srv/link',
          writable: false,
        };
        const seen = await run('cat /new/in/file; (echo x > /new/in/file) 2>/dev/null || echo refused', {
          mounts: [mount],
        });
        assert.equal(seen.output, 'one\nrefused\n');
        const writable = { ...mount, writable: true };
        assert.equal(
          (await run('echo two > /new/in/file; cat /new/in/file', { mounts: [writable] })).output,
          'two\n',
        );
        assert.equal(
          (await run('cat /new/in/file; touch /new/out', { mounts: [mount] })).output.split('\n')[0],
          'one',
        );
        const file: RunMount = { ...mount, target: '/one', source: '/srv/deep/file' };
        assert.equal((await run('cat /one', { mounts: [file] })).output, 'one\n');
        await assert.rejects(run(':', { mounts: [{ ...mount, source: '/srv/none' }] }), {
          code: 'NOT_FOUND',
        });
      },
    );

    test('links in mount sources and targets lead inside their trees only', async () => {
      const hostile = await snapshotOf(
        'ln -s ../../../../../../etc/passwd /up; ln -s /up /upper; mkdir /t; ln -s ../../../../tmp/in /t/link',
      );
      const mounts: RunMount[] = [
        { kind: 'tree', target: '/p', tree: hostile, source: '/upper', writable: false },
        { kind: 'tmpfs', target: '/t/link', readOnly: false },
      ];
      const { output } = await run('grep -c ^www-data /p; touch /tmp/in/x; ls /tmp/in', {
        tree: hostile,
        mounts,
      });
      assert.equal(output, '1\nx\n');
    });

    test('a target that the tree lacks is in no layer, one that it has stays as it was', async () => {
      const from = await snapshotOf('echo seen > /f');
      const mounts: RunMount[] = [
        { kind: 'tmpfs', target: '/a/b/c', readOnly: false },
        { kind: 'tree', target: '/etc/os-release', tree: from, source: '/f', writable: false },
        { kind: 'tree', target: '/var/file', tree: from, source: '/f', writable: false },
      ];
      const step = await run('touch /a/b/c/x; cat /etc/os-release /var/file', { mounts });
      assert.equal(step.output, 'seen\nseen\n');
      assert.ok(step.snapshot);
      const after = await run('ls /a /var/file 2>&1 | grep -c "No such"; grep -c busybox /etc/os-release', {
        tree: [...tree, step.snapshot],
      });
      assert.equal(after.output, '2\n1\n');
    });

    testOf('tmpfs-size', 'a tmpfs holds what it may and is gone afterwards', async () => {
      const mounts: RunMount[] = [{ kind: 'tmpfs', target: '/ram', readOnly: false, maxBytes: 1024 * 1024 }];
      const { output } = await run(
        'dd if=/dev/zero of=/ram/f bs=1M count=2 2>/dev/null || echo full; grep -c " /ram tmpfs " /proc/mounts; stat -c %a /ram',
        { mounts },
      );
      assert.equal(output, 'full\n1\n1777\n');
    });

    test('a cache outlives its step, and shows in no layer', async () => {
      const first = await run('echo kept > /cache/file; ls /cache', { mounts: [cache()] });
      assert.equal(first.output, 'file\n');
      assert.ok(first.snapshot);
      const grown: Tree = [...tree, first.snapshot];
      assert.equal((await run('cat /cache/file', { mounts: [cache()] })).output, 'kept\n');
      assert.equal((await run('ls -d /cache', { tree: grown })).exitCode, 1);
      const readOnly = await run('(echo > /cache/x) 2>/dev/null || echo refused', {
        mounts: [cache({ readOnly: true })],
      });
      if (lacks['read-only-mounts'] === undefined) assert.equal(readOnly.output, 'refused\n');
      const inside = cache({ source: '/file', target: '/only' });
      assert.equal((await run('cat /only', { mounts: [inside] })).output, 'kept\n');
      await assert.rejects(run(':', { mounts: [cache({ source: '/none' })] }), { code: 'NOT_FOUND' });
    });

    test('a cache belongs to whom it is for, and begins with a tree', async () => {
      const owned = cache({ key: keyOf('c1'), start: { uid: 33, gid: 100, mode: 0o750 } });
      const written = await run('stat -c "%u %g %a" /cache; touch /cache/mine; stat -c %u /cache/mine', {
        user: 'www-data',
        mounts: [owned],
      });
      assert.equal(written.output, '33 100 750\n33\n');
      const from = await snapshotOf('mkdir /d; echo begun > /d/file; chown 65534:33 /d/file');
      const copied = cache({ key: keyOf('c2'), start: { tree: from }, source: '/d' });
      const seen = await run('cat /cache/file; stat -c "%u %g" /cache/file; echo on >> /cache/file', {
        mounts: [copied],
      });
      assert.equal(seen.output, 'begun\n65534 33\n');
      assert.equal((await run('cat /cache/file', { mounts: [copied] })).output, 'begun\non\n');
    });

    test('caches are shared, locked or private', async () => {
      // Whoever is second waits until the first one's file is gone, or has a directory of its own.
      const alone = 'ls /cache | wc -l; touch /cache/$$-$1; sleep 0.4; ls /cache | wc -l; rm /cache/*-$1';
      const both =
        'touch /cache/$1; i=0; until [ -e /cache/a -a -e /cache/b -o $i = 200 ]; do sleep 0.1; i=$((i+1)); done; ls /cache | wc -l';
      const together = async (key: string, sharing: string, script = alone): Promise<string[]> => {
        const mounts = [cache({ key: keyOf(key), sharing })];
        const steps = ['a', 'b'].map(async (name) => {
          const { output } = await run('', { args: ['/bin/sh', '-c', script, 'sh', name], mounts });
          return output.replaceAll('\n', ' ').trim();
        });
        return (await Promise.all(steps)).sort();
      };
      assert.deepEqual(await together('c3', 'locked'), ['0 1', '0 1']);
      assert.deepEqual(await together('c4', 'private'), ['0 1', '0 1']);
      assert.deepEqual(await together('c5', 'shared', both), ['2', '2']);
    });

    test('a step that waits for a locked cache can be cancelled', async () => {
      const mounts = [cache({ key: keyOf('c6'), sharing: 'locked' })];
      const held = Promise.withResolvers<string>();
      const holder = new AbortController();
      const holding = run(
        'echo held; sleep 985',
        { mounts },
        { signal: holder.signal, printed: held.resolve },
      );
      assert.equal(await Promise.race([held.promise, holding.then(({ output }) => output)]), 'held\n');
      const waiter = new AbortController();
      const waiting = run('echo never', { mounts }, waiter);
      setTimeout(() => waiter.abort(), 300);
      await assert.rejects(waiting, { code: 'INTERRUPTED' });
      holder.abort();
      await assert.rejects(holding, { code: 'INTERRUPTED' });
    });

    test('a secret’s file is in memory, for its user alone, and is gone afterwards', async () => {
      const base64 = Buffer.from('s3cret\0value').toString('base64');
      const secret: RunMount = {
        kind: 'file',
        target: '/run/secrets/one',
        base64,
        uid: 33,
        gid: 33,
        mode: 0o400,
      };
      const look = 'stat -c "%u %g %a %s" /run/secrets/one; od -c /run/secrets/one | head -1 | tr -d " "';
      const step = await run(look, { user: 'www-data', mounts: [secret] });
      assert.equal(step.output, '33 33 400 12\n0000000s3cret\\0value\n');
      assert.ok(step.snapshot);
      const other = await run('cat /run/secrets/one', { user: 'nobody', mounts: [secret] });
      assert.match(other.output, /denied/);
      assert.equal((await run('ls -d /run/secrets', { tree: [...tree, step.snapshot] })).exitCode, 1);
    });

    test('a secret that is a variable is in no file of this machine while its step runs', async () => {
      const secret = `s3cret-${platform.architecture}-variable`;
      const held = Promise.withResolvers<string>();
      const holder = new AbortController();
      const holding = run(
        'echo held; sleep 984',
        { env: ['PATH=/usr/bin:/bin', `TOKEN=${secret}`] },
        { signal: holder.signal, printed: held.resolve },
      );
      assert.equal(await Promise.race([held.promise, holding.then(({ output }) => output)]), 'held\n');
      // What is left of steps before goes meanwhile.
      const found = [...contentsOf(join(subject.data, 'keeper'))].filter(([, bytes]) =>
        bytes.includes(secret),
      );
      assert.deepEqual(
        found.map(([path]) => path),
        [],
      );
      holder.abort();
      await assert.rejects(holding, { code: 'INTERRUPTED' });
    });

    test('a socket leads to the one of this machine, for its user', async () => {
      mkdirSync(subject.scratch, { recursive: true });
      const path = join(subject.scratch, `agent-${platform.architecture}`);
      const heard = Promise.withResolvers<string>();
      const server = createServer((socket) => socket.once('data', (data) => heard.resolve(`${data}`))).listen(
        path,
      );
      try {
        const socket: RunMount = {
          kind: 'socket',
          target: '/dev/log',
          path,
          uid: 33,
          gid: 33,
          mode: 0o600,
        };
        const { output } = await run('stat -c "%F %u %a" /dev/log; logger hello', {
          user: 'www-data',
          mounts: [socket],
        });
        assert.equal(output, 'socket 33 600\n');
        assert.match(await heard.promise, /hello/);
      } finally {
        server.close();
      }
    });

    testOf('read-only-mounts', 'a file or directory of this machine is mounted as it is', async () => {
      mkdirSync(join(subject.scratch, 'volume'), { recursive: true });
      writeFileSync(join(subject.scratch, 'volume/file'), 'here\n');
      const host: RunMount = {
        kind: 'host',
        target: '/v',
        path: join(subject.scratch, 'volume'),
        readOnly: true,
      };
      const { output } = await run('cat /v/file; (echo > /v/x) 2>/dev/null || echo refused', {
        mounts: [host],
      });
      assert.equal(output, 'here\nrefused\n');
    });

    testOf('ulimits', 'limits hold', async () => {
      const limits = {
        ulimits: [
          { name: 'nofile', soft: 40, hard: 50 },
          { name: 'core', soft: 0, hard: 0 },
        ],
      };
      const { output } = await run('ulimit -n; ulimit -Hn; ulimit -c', { limits });
      assert.equal(output, '40\n50\n0\n');
    });

    testOf('shm-size', '/dev/shm is as large as wanted', async () => {
      const script = 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2';
      assert.equal((await run(script)).output, '65536\n');
      assert.equal(
        (await run(script, { limits: { ulimits: [], shmBytes: 128 * 1024 * 1024 } })).output,
        '131072\n',
      );
    });

    testOf('seccomp', 'system calls that Docker refuses are refused', async () => {
      const script =
        'grep ^Seccomp: /proc/self/status; unshare -m true 2>/dev/null || echo refused; unshare -U true 2>/dev/null || echo refused';
      assert.match((await run(script)).output, /Seccomp:\s+2\nrefused\nrefused\n/);
    });

    testOf('insecure', 'only an insecure step may mount', async () => {
      const script = 'mkdir -p /m; mount -t tmpfs none /m 2>/dev/null && echo mounted; exit 0';
      assert.equal((await run(script)).output, '');
      assert.equal((await run(script, { security: 'insecure' })).output, 'mounted\n');
    });
  });
}
