import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlFilesV1, controlFilesV2, memoryKills } from './control-files.ts';

const resources = { memory: 64 << 20, cpus: 1.5, cpuShares: 512, cpusetCpus: '0-1' };

const pairs = (files: readonly { readonly name: string; readonly value: string }[]) =>
  files.map(({ name, value }) => [name, value]);

test('limits as version 1 has them, the period before the quota and the memory before its sum with swap', () => {
  assert.deepEqual(pairs(controlFilesV1('memory', resources)), [
    ['memory.limit_in_bytes', '67108864'],
    ['memory.memsw.limit_in_bytes', '134217728'],
  ]);
  assert.deepEqual(pairs(controlFilesV1('cpu', resources)), [
    ['cpu.shares', '512'],
    ['cpu.cfs_period_us', '100000'],
    ['cpu.cfs_quota_us', '150000'],
  ]);
  assert.deepEqual(pairs(controlFilesV1('cpuset', resources)), [['cpuset.cpus', '0-1']]);
});

test('limits as version 2 has them: swap alone, a weight for shares', () => {
  assert.deepEqual(pairs(controlFilesV2({ ...resources, memorySwap: 65 << 20 })), [
    ['memory.max', '67108864'],
    ['memory.swap.max', '1048576'],
    ['cpu.weight', '20'],
    ['cpu.max', '150000 100000'],
    ['cpuset.cpus', '0-1'],
  ]);
  assert.deepEqual(pairs(controlFilesV2({ memory: 64 << 20, memorySwap: -1 }))[1], [
    'memory.swap.max',
    'max',
  ]);
  assert.deepEqual(pairs(controlFilesV2({ cpuShares: 2 })), [['cpu.weight', '1']]);
  assert.deepEqual(pairs(controlFilesV2({ cpuShares: 262144 })), [['cpu.weight', '10000']]);
});

test('a limit of swap that was asked for is never left out', () => {
  const swap = (memorySwap?: number) =>
    controlFilesV1('memory', { memory: 1 << 20, ...(memorySwap ? { memorySwap } : {}) })[1];
  assert.equal(swap()?.optional, true);
  assert.equal(swap(-1)?.optional, false);
});

test('kills are counted from either version’s file', () => {
  assert.equal(memoryKills('oom_kill_disable 0\nunder_oom 0\noom_kill 2\n'), 2);
  assert.equal(memoryKills('low 0\nhigh 0\nmax 11\noom 1\noom_kill 1\noom_group_kill 0\n'), 1);
  assert.equal(memoryKills(''), 0);
});
