import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LayerWriter } from '../../src/archive/layer-writer.ts';
import { readTocFile } from '../../src/archive/toc.ts';
import type { KeeperClient } from '../../src/build/keeper/keeper-client.ts';
import type { LayerBlob, PackedLayer, RunRequest, Tree } from '../../src/build/keeper/protocol.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { type Snapshotter, snapshotters } from '../../src/build/snapshot/snapshotter.ts';
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { runInKeeper } from './run-in-keeper.ts';

export interface KeeperCases {
  /** Empty, this user's own. */
  readonly data: string;
  /** OCI layout of the busybox base image for both platforms. */
  readonly base: string;
  readonly platform: Platform;
  /** Default `overlayfs`. */
  readonly snapshotter?: Snapshotter | undefined;
}

/** The platform that this machine runs itself, and one that it does not. */
export const native = hostPlatform();
export const foreign = parsePlatform(native.architecture === 'arm64' ? 'linux/amd64' : 'linux/arm64');

/** What holds of a keeper whoever started it, for native and for emulated programs. */
export function keeperCases(
  name: string,
  { data, base, platform, snapshotter = 'overlayfs' }: KeeperCases,
): void {
  describe(`${name}, ${formatPlatform(platform)}`, { timeout: 900_000 }, () => {
    let keeper: KeeperClient;
    let tree: Tree;
    before(async () => {
      keeper = await startKeeper({ dataDirectory: data, platforms: [platform] });
      tree = baseLayers(base, formatPlatform(platform));
      const { trees } = keeper.sandbox;
      assert.equal(trees.snapshotter, snapshotter);
      assert.deepEqual(
        trees.rejected.map((rejected) => rejected.snapshotter),
        snapshotters.slice(0, snapshotters.indexOf(snapshotter)),
      );
    });
    after(async () => {
      await keeper.close();
      assert.deepEqual(readdirSync(join(data, 'keeper')), []);
    });

    const run = (script: string, options: Partial<RunRequest> = {}) =>
      runInKeeper({ keeper, tree, platform }, script, options);

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
      // A comparison finds what is gone, name by name.
      const gone = snapshotter === 'copy' ? ['-d/e', '-d/g', '-d/l', '-d/p', '-d/s'] : ['!d'];
      assert.deepEqual(await pathsOf(second), [
        ...gone,
        '-etc/os-release',
        '-k/h',
        'd/',
        'd/new',
        'etc/',
        'k/',
      ]);
      const { output } = await run('ls -A /d /k; ls /etc/os-release 2>&1 | grep -c No', {
        tree: [...grown, blob(second)],
      });
      assert.equal(output, '/d:\nnew\n\n/k:\n1\n');
    });

    test('a file of two names, changed through one of them', async () => {
      const first = await layerOf('mkdir /h; echo 1 > /h/one; ln /h/one /h/two');
      const second = await layerOf('echo 2 >> /h/one', { tree: [...tree, blob(first)] });
      // overlayfs parts the names, as it does for docker; in a copy they are one file.
      const two = snapshotter === 'copy' ? ['h/two'] : [];
      assert.deepEqual(await pathsOf(second), ['h/', 'h/one', ...two]);
      const { output } = await run('cat /h/two', { tree: [...tree, blob(first), blob(second)] });
      assert.equal(output, snapshotter === 'copy' ? '1\n2\n' : '1\n');
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
        sources: [{ pattern: 'ping' }, { pattern: 'etc/passwd' }],
        destination: '/to/',
      });
      const { entries } = await readTocFile(copied.toc);
      const ping = entries.find(({ path }) => path === 'to/ping');
      assert.equal(ping?.xattrs?.get('security.capability')?.toString('hex'), capability.toString('hex'));
      assert.deepEqual([ping?.uid, ping?.gid], [3, 4]);
      const before = await keeper.checksum({ from, sources: [{ pattern: 'etc/passwd' }] });
      const touched = await layerOf('touch /etc/passwd', { tree: from });
      assert.equal(
        await keeper.checksum({ from: [...from, blob(touched)], sources: [{ pattern: 'etc/passwd' }] }),
        before,
      );
      const changed = await layerOf('echo >> /etc/passwd', { tree: from });
      assert.notEqual(
        await keeper.checksum({ from: [...from, blob(changed)], sources: [{ pattern: 'etc/passwd' }] }),
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

    test('a layer that is not its diffID is refused', async () => {
      const [layer] = tree as readonly LayerBlob[];
      const diffId = `sha256:${'0'.repeat(64)}` as const;
      await assert.rejects(keeper.prepare({ tree: [{ ...(layer as LayerBlob), diffId }] }), {
        code: 'CONTENT_INVALID',
      });
    });
  });
}
