import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepResources } from './step-resources.ts';

test('resources as Docker’s command lines have them', () => {
  assert.equal(stepResources({}), undefined);
  const texts = {
    ...{ memory: '512m', memorySwap: '1g', cpus: '1.5', cpuShares: '512' },
    ...{ cpusetCpus: '0-1,3', cgroupParent: 'ci.slice' },
  };
  assert.deepEqual(stepResources(texts), {
    ...{ memory: 512 << 20, memorySwap: 2 ** 30, cpus: 1.5, cpuShares: 512 },
    ...{ cpusetCpus: '0-1,3', cgroupParent: 'ci.slice' },
  });
  assert.deepEqual(stepResources({ memory: '6m', memorySwap: '-1' }), { memory: 6 << 20, memorySwap: -1 });
});

test('what is no limit is refused', () => {
  for (const texts of [
    { memory: 'much' },
    { memory: '5m' },
    { memorySwap: '1g' },
    { memory: '64m', memorySwap: '32m' },
    { cpus: '0' },
    { cpus: '1e3' },
    { cpus: '-1' },
    { cpuShares: '1' },
    { cpuShares: '262145' },
    { cpusetCpus: '0-' },
    { cgroupParent: '../up' },
    { cgroupParent: '/' },
  ])
    assert.throws(() => stepResources(texts), { code: 'USAGE' }, JSON.stringify(texts));
});
