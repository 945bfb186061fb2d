import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childrenOf } from './children.ts';

const status = (pid: number, parent: number, ...numbers: number[]): string =>
  `Name:\tx\nPid:\t${pid}\nPPid:\t${parent}\nNSpid:\t${numbers.join('\t')}\nNSpgid:\t9\n`;

test('childrenOf reads a /proc of this PID namespace', () => {
  const all = [status(1, 0, 1), status(57, 1, 57), status(58, 57, 58, 1), status(59, 58, 59, 2)];
  assert.deepEqual(childrenOf(57, all, status(1, 0, 1)), [58]);
  assert.deepEqual(childrenOf(1, all, status(1, 0, 1)), [57]);
  assert.deepEqual(childrenOf(99, all, status(1, 0, 1)), []);
});

test('childrenOf gives the numbers that kill(2) takes where /proc is an outer namespace’s', () => {
  const self = status(1000, 999, 1000, 1);
  const all = [status(57, 1, 57), self, status(1057, 1000, 1057, 57), status(1058, 1057, 1058, 58, 1)];
  assert.deepEqual(childrenOf(57, all, self), [58]);
});
