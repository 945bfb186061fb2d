import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentFromBytes } from '../../content/content.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { listImages } from './list-images.ts';

test('a damaged manifest is told beside its image, and the others are listed', async () => {
  const home = await mkdtemp(join(tmpdir(), 'polyarch-images-'));
  try {
    const store = await LayoutStore.open(join(home, 'store'));
    const add = async (mediaType: string, value: unknown) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      await store.push(descriptor, contentFromBytes(bytes));
      return descriptor;
    };
    for (const name of ['bad', 'good']) {
      const rootfs = { type: 'layers', diff_ids: [] };
      const config = await add(mediaTypes.ociConfig, { os: 'linux', architecture: 'arm64', rootfs, name });
      const manifest = await add(mediaTypes.ociManifest, { schemaVersion: 2, config, layers: [] });
      await store.tag(manifest, `r.example/${name}:1`);
      if (name === 'good') continue;
      const path = store.blobPath(manifest.digest);
      await chmod(path, 0o644);
      await writeFile(path, 'x'.repeat(manifest.size));
    }
    const images = await listImages({ env: { POLYARCH_HOME: home } });
    assert.deepEqual(
      images.map(({ reference, platforms, damaged, missing }) => [reference, platforms, damaged, missing]),
      [
        ['r.example/bad:1', [], 1, 0],
        ['r.example/good:1', ['linux/arm64'], 0, 0],
      ],
    );
  } finally {
    await rm(home, { recursive: true });
  }
});
