import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryStore } from '../src/content/memory-store.ts';
import { copyGraph } from '../src/transfer/copy-graph.ts';
import { randomImage } from './fixtures/random-image.ts';

test('a random image is whole, and its seed makes it again', async () => {
  const [first, second, third] = [new MemoryStore(), new MemoryStore(), new MemoryStore()];
  const { root } = await randomImage(first, { seed: 7 });
  assert.deepEqual((await randomImage(second, { seed: 7 })).root, root);
  assert.notDeepEqual((await randomImage(second, { seed: 8 })).root, root);
  await copyGraph(first, third, root);
  assert.equal(await third.exists(root), true);
});
