import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentFromBytes } from '../../content/content.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { validateImage } from './validate-image.ts';

test('indexes that name each other’s entries over and over are read once', { timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-validate-'));
  try {
    const store = await LayoutStore.open(directory, { create: true });
    const put = async (mediaType: string, document: unknown): Promise<Descriptor> => {
      const bytes = Buffer.from(JSON.stringify(document));
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      await store.push(descriptor, contentFromBytes(bytes));
      return descriptor;
    };
    let named: Descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf('missing'), size: 7 };
    for (let level = 0; level < 40; level++) {
      named = await put(mediaTypes.ociIndex, {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [named, named],
      });
    }
    await store.tag(named, 'bomb');
    const problems = await validateImage(`oci:${directory}:bomb`);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', new RegExp(digestOf('missing')));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
