import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStepName } from './step-name.ts';

test('a step as a build prints it, or parts of that', () => {
  const step = { stage: 'final', number: 4, total: 6 };
  assert.deepEqual(parseStepName('[linux/amd64 final 4/6] RUN make'), { platform: 'linux/amd64', ...step });
  assert.deepEqual(parseStepName('[linux/arm/v7 final 4/6]'), { platform: 'linux/arm/v7', ...step });
  assert.deepEqual(parseStepName(' final 4/6'), step);
  assert.deepEqual(parseStepName('4/6'), { number: 4, total: 6 });
  for (const text of ['app:1', 'final', 'registry/app', 'ghcr.io/a/4', '4/6/8', 'a 4/6 b'])
    assert.equal(parseStepName(text), undefined, text);
});
