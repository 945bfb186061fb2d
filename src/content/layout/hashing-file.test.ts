import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chunkBytes, isLent, takeChunk } from '../../lib/chunk-pool.ts';
import { digestOf } from '../../lib/digest.ts';
import { HashingFile } from './hashing-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'polyarch-hashing-file-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('chunks of the pool and others are written in their order, and those of the pool are given back', async () => {
  const path = join(directory, 'file');
  const file = await HashingFile.create(path);
  const whole: Buffer[] = [];
  for (const lent of [true, false, false, true, true, false, true]) {
    const chunk = lent ? takeChunk() : Buffer.alloc(chunkBytes);
    chunk.fill(whole.length + 1);
    whole.push(Buffer.from(chunk));
    await file.append(chunk.subarray(0, lent ? chunkBytes - 1 : chunkBytes));
    await file.flushed();
    assert.ok(!isLent(chunk));
  }
  await file.flushed();
  await file.close();
  const bytes = readFileSync(path);
  assert.equal(bytes.length, 7 * chunkBytes - 4);
  assert.equal(digestOf(bytes), file.digest());
  assert.deepEqual(
    [...new Set(bytes)],
    whole.map((chunk) => chunk[0]),
  );
});

test('a chunk of the pool waits behind what is being written', async () => {
  const path = join(directory, 'behind');
  const file = await HashingFile.create(path);
  const [first, second] = [Buffer.alloc(1000, 1), takeChunk().subarray(0, 1000).fill(2)];
  await Promise.all([file.append(first), file.append(second)]);
  await file.flushed();
  await file.close();
  const whole = Buffer.concat([first, Buffer.alloc(1000, 2)]);
  assert.deepEqual(readFileSync(path), whole);
  assert.equal(file.digest(), digestOf(whole));
});
