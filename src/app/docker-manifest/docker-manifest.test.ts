import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import { ManifestState, storedManifest } from './manifest-state.ts';
import { listOfFirst } from './render-list.ts';

const manifest = Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}');
const descriptor = {
  mediaType: mediaTypes.dockerManifest,
  digest: digestOf(manifest),
  size: manifest.length,
  platform: parsePlatform('linux/arm/v7'),
};

test('a list is written as docker writes it: three spaces, size before digest', () => {
  const { bytes, descriptor: list } = listOfFirst([descriptor]);
  assert.equal(list.mediaType, mediaTypes.dockerManifestList);
  assert.equal(
    bytes.toString(),
    `{
   "schemaVersion": 2,
   "mediaType": "${mediaTypes.dockerManifestList}",
   "manifests": [
      {
         "mediaType": "${mediaTypes.dockerManifest}",
         "size": ${manifest.length},
         "digest": "${descriptor.digest}",
         "platform": {
            "architecture": "arm",
            "os": "linux",
            "variant": "v7"
         }
      }
   ]
}`,
  );
  assert.equal(
    listOfFirst([{ ...descriptor, mediaType: mediaTypes.ociManifest }]).descriptor.mediaType,
    mediaTypes.ociIndex,
  );
});

test('lists that are not pushed yet lie where docker has them, and only whole ones are believed', async () => {
  const config = await mkdtemp(join(tmpdir(), 'polyarch-manifests-'));
  try {
    const state = new ManifestState({ DOCKER_CONFIG: config });
    const list = parseReference('localhost:5000/a/b:1');
    const image = parseReference('localhost:5000/a/b:1-arm');
    assert.equal(await state.list(list), undefined);
    const stored = storedManifest('localhost:5000/a/b:1-arm', descriptor, manifest);
    await state.save(list, image, stored);
    const directory = join(config, 'manifests/localhost-5000_a_b-1');
    assert.deepEqual(await readdir(directory), ['localhost-5000_a_b-1-arm']);
    assert.deepEqual(await state.list(list), [stored]);
    assert.deepEqual(await state.get(list, image), stored);
    const file = join(directory, 'localhost-5000_a_b-1-arm');
    const text = await readFile(file, 'utf8');
    for (const damaged of [
      '',
      '{}',
      text.replace('"Raw":"', '"Raw":"AAAA'),
      text.replace(/"Raw":"[^"]*",/, ''),
    ]) {
      await writeFile(file, damaged);
      await assert.rejects(state.list(list), { code: 'CONTENT_INVALID' }, damaged.slice(0, 40));
    }
    await state.remove(list);
    assert.equal(await state.list(list), undefined);
  } finally {
    await rm(config, { recursive: true, force: true });
  }
});
