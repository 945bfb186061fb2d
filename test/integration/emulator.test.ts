import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { runInJail } from './jail.ts';

const table = '/proc/sys/fs/binfmt_misc';

test('polyarch emulator, in a table of a user namespace’s own', {
  timeout: 900_000,
  skip:
    withoutPrograms('unshare', 'mount', 'chroot', 'qemu-aarch64-static') ||
    (process.arch === 'arm64' && 'needs a machine that has to emulate arm64'),
}, (context) => {
  const machines = () => (existsSync(table) ? readdirSync(table).toSorted() : []);
  const before = machines();
  const result = runInJail(join(import.meta.dirname, 'emulator-cases.ts'));
  if ('skipped' in result) {
    context.skip(result.skipped);
    return;
  }
  assert.equal(result.status, 0, result.output);
  assert.deepEqual(machines(), before);
});
