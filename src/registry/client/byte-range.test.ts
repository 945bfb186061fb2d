import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { collect } from '../../content/read-manifest.ts';
import { digestOf } from '../../lib/digest.ts';
import { byteRange } from './byte-range.ts';
import { limits } from './limits.ts';

const descriptor = { mediaType: 'application/octet-stream', digest: digestOf('x'), size: 100 };
const url = new URL('https://registry.example/v2/a/blobs/x');
const range = { offset: 5, end: 10 };

const answer = (body: Readable) => ({
  status: 206,
  headers: { 'content-range': 'bytes 5-9/100' },
  url,
  body,
});

test('a registry that falls silent in the middle of a range ends it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const body = new Readable({ read() {} });
  body.push('abc');
  const read = assert.rejects(collect(byteRange(answer(body), descriptor, range)), {
    code: 'NETWORK',
    message: /no data/,
  });
  // Until the range waits for its next chunk.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(limits.stallMs);
  assert.ok(body.destroyed);
  await read;
});

test('a range is cut to what was asked for, and one that is too short is an error', async () => {
  const whole = (text: string) => byteRange(answer(Readable.from([Buffer.from(text)])), descriptor, range);
  assert.equal(String(await collect(whole('fghijklm'))), 'fghij');
  await assert.rejects(collect(whole('fgh')), { code: 'NETWORK', retryable: true });
});
