import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { LayerWriter } from '../../src/archive/layer-writer.ts';
import { extractLayer } from '../../src/build/snapshot/extract.ts';
import { packUpper } from '../../src/build/snapshot/pack.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { jailDirectory, runInJail } from './jail.ts';

const jail = jailDirectory;

if (jail === undefined) {
  test('upper directories of a real overlayfs, in a user namespace', (t) => {
    const result = runInJail(import.meta.filename);
    if ('skipped' in result) t.skip(`no user namespace for an ordinary user: ${result.skipped}`);
    else assert.equal(result.status, 0, result.output);
  });
} else {
  const at = (...names: string[]): string => join(jail, ...names);
  const shell = (cwd: string, script: string): string =>
    execFileSync('sh', ['-euc', script], { cwd, encoding: 'utf8' });
  /** Everything that a tree shows, but the times of directories and the sizes of directories. */
  const listing = (root: string): string =>
    shell(
      root,
      `find . -mindepth 1 \\( -type d -printf '%p %y %m %U %G\\n' -o -type l -printf '%p %y %l\\n' -o -printf '%p %y %m %U %G %s %Ts %n\\n' \\) | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2`,
    );
  const mount = (name: string, lowers: string[], upper?: string): string => {
    for (const part of [name, ...(upper ? [upper, `${name}-work`] : [])])
      mkdirSync(at(part), { recursive: true });
    const options = [`lowerdir=${lowers.toReversed().join(':')}`, 'userxattr', 'index=off'];
    if (upper) options.push(`upperdir=${at(upper)}`, `workdir=${at(`${name}-work`)}`);
    execFileSync('mount', ['-i', '-t', 'overlay', '-o', options.join(','), 'overlay', at(name)]);
    return at(name);
  };

  describe('in the jail', () => {
    test('what a step changed comes back from its layer', async () => {
      mkdirSync(at('first'));
      shell(
        at('first'),
        `mkdir -p etc keep gone/sub remade/sub empty dev; echo a > etc/a; echo b > etc/b; echo k > keep/k; ln keep/k keep/k2
         echo g > gone/sub/g; echo r > remade/sub/r; echo n > remade/n; chmod 1777 empty; ln -s ../etc/a keep/link; printf x > "$(printf 'caf\\351')"`,
      );
      const base = await packUpper(at('first'), at('base.tar.gz'));
      const lower = at('lower');
      await extractLayer(at('base.tar.gz'), base.diffId, lower);
      assert.equal(listing(lower), listing(at('first')));

      const merged = mount('merged', [lower], 'upper');
      shell(
        merged,
        `rm etc/b; rm -r gone; rm -r remade; mkdir remade; echo new > remade/n2; mkdir -m 700 fresh; echo f > fresh/f; ln fresh/f fresh/g
         chmod 600 keep/k; mkfifo fresh/pipe; ln -s nowhere fresh/s; touch -d @1600000000 fresh/f; touch etc/resolv.conf dev/console; mkdir proc`,
      );
      const stubs = ['etc/resolv.conf', 'dev/console', 'proc'];
      const layer = await packUpper(at('upper'), at('layer.tar.gz'), {
        lowers: [lower],
        ignore: stubs,
        epoch: 1_700_000_000,
      });
      assert.deepEqual(
        execFileSync('tar', ['-tzf', at('layer.tar.gz')], { encoding: 'utf8' })
          .trim()
          .split('\n'),
        [
          'etc/',
          'etc/.wh.b',
          'fresh/',
          'fresh/f',
          'fresh/g',
          'fresh/pipe',
          'fresh/s',
          '.wh.gone',
          'keep/',
          'keep/k',
          'remade/',
          'remade/.wh..wh..opq',
          'remade/n2',
        ],
      );
      assert.deepEqual(layer.toc.opaque, ['remade']);
      assert.deepEqual(layer.toc.whiteouts, ['gone', 'etc/b']);
      assert.equal(layer.toc.entries.find((entry) => entry.path === 'fresh/f')?.mtime, 1_600_000_000);
      assert.equal(layer.toc.entries.find((entry) => entry.path === 'remade/n2')?.mtime, 1_700_000_000);
      const blob = readFileSync(at('layer.tar.gz'));
      assert.equal(layer.descriptor.digest, digestOf(blob));
      assert.equal(layer.diffId, digestOf(gunzipSync(blob)));

      // The step's own tree, against the tree that somebody who pulled the layers sees.
      const expected = listing(merged);
      await extractLayer(at('layer.tar.gz'), layer.diffId, at('second'), { lowers: [lower] });
      const again = mount('again', [lower, at('second')]);
      // The clamp changes times, and overlayfs gives the unchanged name of a broken hard link the lower inode's count.
      const comparable = (text: string) =>
        text.replace(/ 1[0-9]{9} /g, ' T ').replace(/^(\.\/keep\/k2 .*) [0-9]+$/m, '$1');
      assert.equal(comparable(listing(again)), comparable(expected));
    });

    test('the same directory packs to the same bytes, whatever the order it was made in', async () => {
      for (const [name, names] of [
        ['one', 'a b c'],
        ['two', 'c b a'],
      ] as const) {
        mkdirSync(at(name));
        shell(
          at(name),
          `for f in ${names}; do mkdir $f; echo $f > $f/x; done; find . -exec touch -d @1600000000 {} +`,
        );
      }
      const one = await packUpper(at('one'), at('one.tar.gz'));
      const two = await packUpper(at('two'), at('two.tar.gz'));
      assert.deepEqual(one, two);
    });

    test('file capabilities are written as revision 2', async (t) => {
      mkdirSync(at('caps'));
      writeFileSync(at('caps/ping'), 'x');
      const set = spawnSync('setcap', ['cap_net_raw+ep', at('caps/ping')], { encoding: 'utf8' });
      if (set.status !== 0) {
        t.skip(`setcap: ${set.error?.message ?? set.stderr}`);
        return;
      }
      const layer = await packUpper(at('caps'), at('caps.tar.gz'));
      const value = layer.toc.entries[0]?.xattrs?.get('security.capability');
      assert.deepEqual([value?.length, value?.[3]], [20, 2]);
      await extractLayer(at('caps.tar.gz'), layer.diffId, at('caps-again'));
      assert.match(execFileSync('getcap', [at('caps-again/ping')], { encoding: 'utf8' }), /cap_net_raw/);
    });

    test('sockets are left out; a name that would be a whiteout is refused', async () => {
      mkdirSync(at('odd'));
      const listen = "require('net').createServer().listen(process.argv[1], () => process.exit(0))";
      spawnSync(process.execPath, ['-e', listen, at('odd/s')]);
      execFileSync(
        'python3',
        ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', at('odd/s2')],
        { stdio: 'ignore' },
      );
      const layer = await packUpper(at('odd'), at('odd.tar.gz'));
      assert.deepEqual(layer.toc.entries, []);
      writeFileSync(at('odd/.wh.etc'), '');
      await assert.rejects(packUpper(at('odd'), at('odd2.tar.gz')), { code: 'UNSUPPORTED' });
      assert.throws(() => readFileSync(at('odd2.tar.gz')));
    });

    test('GNU tar extracts what the writer wrote, byte for byte', async () => {
      const writer = await LayerWriter.create(at('w.tar.gz'));
      const base = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1_600_000_000 } as const;
      const long = `${'d'.repeat(120)}/${'e'.repeat(200)}`;
      await writer.add({ ...base, path: long, type: 'file', size: 3 }, Buffer.from('abc'));
      await writer.add({ ...base, path: 'caf\xe9', type: 'symlink', linkname: 'x'.repeat(150) });
      const { diffId } = await writer.finish();
      mkdirSync(at('gnu'));
      execFileSync('tar', ['-xzf', at('w.tar.gz'), '-C', at('gnu')]);
      await extractLayer(at('w.tar.gz'), diffId, at('ours'));
      assert.equal(listing(at('ours')), listing(at('gnu')));
    });
  });
}
