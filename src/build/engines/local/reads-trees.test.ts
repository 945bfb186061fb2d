import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from '../../../../test/fixtures/plan.ts';
import { readsTrees } from './reads-trees.ts';

const reads = async (dockerfile: string): Promise<boolean> => {
  const { images } = await plan(dockerfile);
  return readsTrees(images.map(({ node }) => node));
};

test('COPY from a context and WORKDIR of root look at names only', async () => {
  assert.equal(await reads('FROM base\nWORKDIR /a\nCOPY x /b/\nADD y /c\nLABEL a=b'), false);
});

test('RUN, COPY from a stage and owners need the files', async () => {
  assert.equal(await reads('FROM base\nRUN true\nCOPY x /b/'), true);
  assert.equal(await reads('FROM base AS one\nFROM base\nCOPY --from=one x /b/'), true);
  assert.equal(await reads('FROM base\nCOPY --chown=www-data x /b/'), true);
  assert.equal(await reads('FROM base\nUSER www-data\nWORKDIR /a'), true);
});
