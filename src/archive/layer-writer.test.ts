import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { digestOf } from '../lib/digest.ts';
import type { EntryHeader } from './entry.ts';
import { LayerWriter } from './layer-writer.ts';
import { gzipBlockBytes } from './parallel-gzip.ts';

const base = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1_700_000_000 };
let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'layer-writer-'));
});
after(() => rmSync(directory, { recursive: true }));

async function write(name: string, entries: readonly [EntryHeader, Buffer?][]) {
  const writer = await LayerWriter.create(join(directory, name));
  for (const [entry, content] of entries) await writer.add(entry, content);
  return { layer: await writer.finish(), path: writer.path };
}

describe('LayerWriter', () => {
  test('GNU tar reads what it writes', async () => {
    const long = `${'d'.repeat(90)}/${'n'.repeat(150)}`;
    const { layer, path } = await write('a.tar.gz', [
      [{ ...base, path: 'etc', type: 'directory', mode: 0o755 }],
      [{ ...base, path: 'etc/file', type: 'file', size: 5, uid: 3_000_000 }, Buffer.from('hello')],
      [{ ...base, path: 'etc/hard', type: 'hardlink', linkname: 'etc/file' }],
      [{ ...base, path: 'etc/soft', type: 'symlink', linkname: '../x', mode: 0o777 }],
      [{ ...base, path: long, type: 'file', size: 1 }, Buffer.from('x')],
    ]);
    const listed = execFileSync('tar', ['-tvzf', path, '--numeric-owner', '--utc'], { encoding: 'utf8' });
    assert.match(listed, /drwxr-xr-x 0\/0 .* etc\//);
    assert.match(listed, /-rw-r--r-- 3000000\/0 +5 .* etc\/file\n/);
    assert.match(listed, /etc\/hard link to etc\/file/);
    assert.match(listed, /etc\/soft -> \.\.\/x/);
    assert.ok(listed.includes(long));
    const blob = readFileSync(path);
    assert.equal(layer.descriptor.digest, digestOf(blob));
    assert.equal(layer.descriptor.size, blob.length);
    assert.equal(layer.diffId, digestOf(gunzipSync(blob)));
  });

  test('many blocks make one member that gunzips to the same bytes', async () => {
    const content = Buffer.alloc(3 * gzipBlockBytes + 17, 'polyarch ');
    const { path } = await write('b.tar.gz', [
      [{ ...base, path: 'big', type: 'file', size: content.length }, content],
    ]);
    const tar = gunzipSync(readFileSync(path));
    assert.ok(tar.subarray(512, 512 + content.length).equals(content));
    execFileSync('gzip', ['-t', path]);
  });

  test('content of another size than the header says is refused', async () => {
    const writer = await LayerWriter.create(join(directory, 'c.tar.gz'));
    await assert.rejects(writer.add({ ...base, path: 'f', type: 'file', size: 4 }, Buffer.from('abc')), {
      code: 'CONTENT_INVALID',
    });
    await writer.abandon();
  });

  test('extended attributes are written for tar to read', async () => {
    const { path } = await write('d.tar.gz', [
      [
        {
          ...base,
          path: 'f',
          type: 'file',
          xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2])]]),
        },
      ],
    ]);
    const listed = execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-tvvzf', path], {
      encoding: 'utf8',
    });
    assert.match(listed, /security\.capability/);
  });
});
