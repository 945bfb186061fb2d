import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayMakeDevices } from './device-privilege.ts';

const first = '         0          0 4294967295\n';
const status = (capabilities: string): string =>
  `Name:\tnode\nCapPrm:\t0\nCapEff:\t${capabilities}\nCapBnd:\t0\n`;

test('devices are made with CAP_MKNOD, in the first user namespace', () => {
  assert.equal(mayMakeDevices(first, status('000001ffffffffff')), true);
  // Docker's default capabilities, and those without it.
  assert.equal(mayMakeDevices(first, status('00000000a80425fb')), true);
  assert.equal(mayMakeDevices(first, status('00000000a00425fb')), false);
  assert.equal(mayMakeDevices(first, status('0000000000000000')), false);
  assert.equal(mayMakeDevices('0 1000 1\n1 100000 65536\n', status('000001ffffffffff')), false);
  assert.equal(mayMakeDevices('0 0 1\n1 1 4294967294\n', status('000001ffffffffff')), false);
});
