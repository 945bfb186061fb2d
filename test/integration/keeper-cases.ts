import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LayerWriter } from '../../src/archive/layer-writer.ts';
import { readTocFile } from '../../src/archive/toc.ts';
import type { KeeperClient } from '../../src/build/keeper/keeper-client.ts';
import type { LayerBlob, PackedLayer, RunRequest, Tree } from '../../src/build/keeper/protocol.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';

export interface KeeperCases {
  /** Empty, this user's own. */
  readonly data: string;
  /** OCI layout of the busybox base image for both platforms. */
  readonly base: string;
  readonly platform: Platform;
}

const machines: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** The platform that this machine runs itself, and one that it does not. */
export const native = hostPlatform();
export const foreign = parsePlatform(native.architecture === 'arm64' ? 'linux/amd64' : 'linux/arm64');

/** What holds of a keeper whoever started it, for native and for emulated programs. */
export function keeperCases(name: string, { data, base, platform }: KeeperCases): void {
  describe(`${name}, ${formatPlatform(platform)}`, { timeout: 120_000 }, () => {
    let keeper: KeeperClient;
    let tree: Tree;
    before(async () => {
      keeper = await startKeeper({ dataDirectory: data, platforms: [platform] });
      tree = baseLayers(base, formatPlatform(platform));
    });
    after(async () => {
      await keeper.close();
      assert.deepEqual(readdirSync(join(data, 'keeper')), []);
    });

    async function run(script: string, options: Partial<RunRequest> = {}, signal?: AbortSignal) {
      let output = '';
      const collect = (chunk: Buffer): void => {
        output += chunk;
      };
      const response = await keeper.run(
        {
          tree,
          platform,
          args: ['/bin/sh', '-c', script],
          env: ['PATH=/usr/bin:/bin'],
          cwd: '/',
          user: '',
          network: 'host',
          hostname: 'buildkitsandbox',
          ...options,
        },
        { signal, stdout: collect, stderr: collect },
      );
      return { ...response, output };
    }

    async function layerOf(script: string, options: Partial<RunRequest> = {}): Promise<PackedLayer> {
      const { exitCode, snapshot, output } = await run(script, options);
      assert.equal(exitCode, 0, output);
      assert.ok(snapshot);
      return await keeper.pack({ snapshot });
    }

    async function pathsOf(layer: PackedLayer): Promise<string[]> {
      const toc = await readTocFile(layer.toc);
      const names = toc.entries.map(({ path, type }) => (type === 'directory' ? `${path}/` : path));
      return [
        ...names,
        ...toc.whiteouts.map((path) => `-${path}`),
        ...toc.opaque.map((path) => `!${path}`),
      ].sort();
    }

    const blob = ({ path, diffId }: PackedLayer): LayerBlob => ({ kind: 'blob', path, diffId });

    test('a program runs on the platform, and its redirections write what they should', async () => {
      const { output } = await run('uname -m > /f; cat /f; echo "$0"');
      assert.equal(output, `${machines[platform.architecture]}\n/bin/sh\n`);
    });

    test('exit codes come back, and a failed step leaves nothing', async () => {
      assert.deepEqual(await run('exit 7'), { exitCode: 7, output: '' });
      assert.equal((await run('sleep 9 & kill -TERM $!; wait $!')).exitCode, 143);
      assert.equal((await run('', { args: ['nosuchprogram'] })).exitCode, 127);
      assert.equal((await run('', { args: ['/etc/passwd'] })).exitCode, 126);
    });

    test('the environment is the request’s, with HOME and nothing of the host’s', async () => {
      const { output } = await run('env | grep -v -e SHLVL -e PWD | sort; hostname; umask; pwd', {
        env: ['PATH=/bin', 'A=b c'],
        cwd: '/new/directory',
      });
      assert.equal(output, 'A=b c\nHOME=/root\nPATH=/bin\nbuildkitsandbox\n0022\n/new/directory\n');
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

    test('network none has the loopback alone', async () => {
      const { output } = await run('ls /sys/class/net; ip link show lo | grep -c UP', { network: 'none' });
      assert.equal(output, 'lo\n1\n');
    });

    test('/proc, /sys and /dev are as Docker gives them, and not writable where that matters', async () => {
      const { output } = await run(
        'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; ls /dev/pts /dev/shm;' +
          ' for f in /proc/sys/kernel/hostname /sys/kernel/mm/ksm/run /proc/sysrq-trigger; do (echo 1 > $f) 2>/dev/null && echo wrote $f; done;' +
          ' cat /proc/kcore 2>/dev/null | head -c1 | wc -c; ls /proc | grep -c "^[0-9]*$" | sed "s/^[2-9]$/few/"',
      );
      assert.equal(output, '/dev/pts:\nptmx\n\n/dev/shm:\n0\nfew\n');
    });

    test('no device but the usual ones opens, whoever made its node', async () => {
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

    test('a step that changes nothing makes an empty layer', async () => {
      assert.deepEqual(await pathsOf(await layerOf(':')), []);
    });

    test('owners and modes land in the layer', async () => {
      const layer = await layerOf(
        'cd /srv 2>/dev/null || mkdir /srv; cd /srv; touch a b; chown 33 a; chown 65534:65534 b; chmod 4750 a',
      );
      const { entries } = await readTocFile(layer.toc);
      const found = entries.map(({ path, mode, uid, gid }) => [path, mode, uid, gid]);
      assert.deepEqual(found, [
        ['srv', 0o755, 0, 0],
        ['srv/a', 0o4750, 33, 0],
        ['srv/b', 0o644, 65534, 65534],
      ]);
    });

    test('what steps remove and remake comes back from their layers', async () => {
      const first = await layerOf(
        'mkdir -p /d/e /k; touch /d/e/f /d/g /k/h; ln /d/g /d/l; ln -s g /d/s; mkfifo /d/p',
      );
      const grown: Tree = [...tree, blob(first)];
      const second = await layerOf('rm -r /d; mkdir /d; touch /d/new; rm /k/h /etc/os-release', {
        tree: grown,
      });
      assert.deepEqual(await pathsOf(second), ['!d', '-etc/os-release', '-k/h', 'd/', 'd/new', 'etc/', 'k/']);
      const { output } = await run('ls -A /d /k; ls /etc/os-release 2>&1 | grep -c No', {
        tree: [...grown, blob(second)],
      });
      assert.equal(output, '/d:\nnew\n\n/k:\n1\n');
    });

    test('much is worked on in threads, with the same result', async () => {
      const layer = await layerOf(
        'mkdir /m; for i in $(seq 400); do echo $i > /m/$i; done; head -c 6000000 /dev/urandom > /m/big',
      );
      assert.ok(layer.descriptor.size > 4 * 1024 * 1024);
      const { output } = await run('ls /m | wc -l; cat /m/400; wc -c < /m/big', {
        tree: [...tree, blob(layer)],
      });
      assert.equal(output, '401\n400\n6000000\n');
    });

    test('parents and links that a layer leaves to those below are theirs', async () => {
      const writer = await LayerWriter.create(join(data, `sparse-${platform.architecture}.layer`));
      const file = { type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, mtime: 1 } as const;
      await writer.add({ ...file, path: 'tmp/a' }, Buffer.from('a'));
      await writer.add({ ...file, path: 'passwd', type: 'hardlink', size: 0, linkname: 'etc/passwd' });
      const { diffId } = await writer.finish();
      const sparse: Tree = [...tree, { kind: 'blob', path: writer.path, diffId }];
      const { output } = await run('stat -c %a /tmp /; cmp /passwd /etc/passwd && echo same', {
        tree: sparse,
      });
      assert.equal(output, '1777\n755\nsame\n');
    });

    test('COPY --from takes owners, links and capabilities along; its digest knows no times', async () => {
      const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
      const writer = await LayerWriter.create(join(data, `capable-${platform.architecture}.layer`));
      const file = { path: 'ping', type: 'file', mode: 0o755, uid: 3, gid: 4, size: 1, mtime: 1 } as const;
      await writer.add({ ...file, xattrs: new Map([['security.capability', capability]]) }, Buffer.from('x'));
      const { diffId } = await writer.finish();
      const from: Tree = [...tree, { kind: 'blob', path: writer.path, diffId }];
      const copied = await keeper.copy({
        from,
        target: [],
        sources: ['ping', 'etc/passwd'],
        destination: '/to/',
      });
      const { entries } = await readTocFile(copied.toc);
      const ping = entries.find(({ path }) => path === 'to/ping');
      assert.equal(ping?.xattrs?.get('security.capability')?.toString('hex'), capability.toString('hex'));
      assert.deepEqual([ping?.uid, ping?.gid], [3, 4]);
      const before = await keeper.checksum({ from, sources: ['etc/passwd'] });
      const touched = await layerOf('touch /etc/passwd', { tree: from });
      assert.equal(
        await keeper.checksum({ from: [...from, blob(touched)], sources: ['etc/passwd'] }),
        before,
      );
      const changed = await layerOf('echo >> /etc/passwd', { tree: from });
      assert.notEqual(
        await keeper.checksum({ from: [...from, blob(changed)], sources: ['etc/passwd'] }),
        before,
      );
    });

    test('--chown’s names are the tree’s', async () => {
      assert.deepEqual(await keeper.owner({ tree, owner: 'www-data' }), { uid: 33, gid: 33 });
      assert.deepEqual(await keeper.owner({ tree, owner: '7' }), { uid: 7, gid: 7 });
      assert.deepEqual(await keeper.owner({ tree, owner: 'nobody:users' }), { uid: 65534, gid: 100 });
      await assert.rejects(keeper.owner({ tree, owner: 'nosuch' }), { code: 'NOT_FOUND' });
    });

    test('steps run side by side', async () => {
      const steps = ['a', 'b', 'c'].map((name) =>
        run(`sleep 0.5; echo ${name} > /${name}; ls / | grep -c "^[abc]$"`),
      );
      for (const { output } of await Promise.all(steps)) assert.equal(output, '1\n');
    });

    test('a process that a step leaves behind ends with it', async () => {
      const started = performance.now();
      assert.equal((await run('sleep 987 & echo done')).output, 'done\n');
      assert.ok(performance.now() - started < 10_000);
      assert.equal(processes('sleep 987'), 0);
    });

    test('a cancelled step ends with all its processes, the keeper goes on', async () => {
      const controller = new AbortController();
      const step = run('sleep 986 & sleep 986', {}, controller.signal);
      setTimeout(() => controller.abort(), 1500);
      await assert.rejects(step, { code: 'INTERRUPTED' });
      assert.equal(processes('sleep 986'), 0);
      assert.equal((await run('echo on')).output, 'on\n');
    });

    test('a layer that is not its diffID is refused', async () => {
      const [layer] = tree as readonly LayerBlob[];
      const diffId = `sha256:${'0'.repeat(64)}` as const;
      await assert.rejects(keeper.prepare({ tree: [{ ...(layer as LayerBlob), diffId }] }), {
        code: 'CONTENT_INVALID',
      });
    });
  });
}

/** Processes of this machine whose command line has `text`, the look-up's own left out. */
export function processes(text: string): number {
  const list = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(text) && !line.includes('sh -c')).length;
}
