import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sandbox } from '../sandbox.ts';
import { LimitedSandbox } from './limited-sandbox.ts';

test('what a tier can do ahead is done ahead for limited programs too', () => {
  let prepared = 0;
  const inner: Sandbox = {
    prepare() {
      prepared++;
    },
    run: () => Promise.reject(new Error('nothing is run')),
  };
  new LimitedSandbox(inner, [], {}).prepare();
  assert.equal(prepared, 1);
});
