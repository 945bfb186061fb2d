import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../content/memory-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { DraftStore } from './draft-store.ts';

test('a draft keeps documents up to a limit', async () => {
  const draft = new DraftStore(new MemoryStore(), { limit: 250 });
  const mediaType = mediaTypes.ociIndex;
  const index = (letter: string) => ({
    schemaVersion: 2,
    manifests: [],
    annotations: { text: letter.repeat(60) },
  });
  const like = { mediaType, digest: digestOf('like'), size: 4 };
  await draft.add(mediaType, index('x'), like);
  await draft.add(mediaType, index('y'), like);
  await assert.rejects(draft.add(mediaType, index('z'), like), {
    code: 'LIMIT',
    message: /manifests have more than 250 bytes/,
  });
});
