import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { gzipBlockBytes, ParallelGzip } from './parallel-gzip.ts';

async function compress(input: Buffer, sizes: readonly number[]): Promise<Buffer> {
  const out: Buffer[] = [];
  const gzip = new ParallelGzip((bytes) => out.push(bytes));
  for (let at = 0, i = 0; at < input.length; i++) {
    const end = at + (sizes[i % sizes.length] as number);
    await gzip.push(input.subarray(at, end));
    at = end;
  }
  await gzip.finish();
  return Buffer.concat(out);
}

describe('ParallelGzip', () => {
  const input = Buffer.from(Array.from({ length: 3 * gzipBlockBytes + 77 }, (_, i) => (i * (i >> 7)) % 251));

  for (const length of [
    0,
    1,
    77,
    gzipBlockBytes - 1,
    gzipBlockBytes,
    gzipBlockBytes + 1,
    2 * gzipBlockBytes,
    input.length,
  ]) {
    test(`${length} bytes come back`, async () => {
      const plain = input.subarray(0, length);
      assert.ok(gunzipSync(await compress(plain, [100_000])).equals(plain));
    });
  }

  test('how the input was cut changes nothing', async () => {
    const expected = await compress(input, [input.length]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 500, max: 900_000 }), { minLength: 1, maxLength: 5 }),
        async (sizes) => {
          assert.ok((await compress(input, sizes)).equals(expected));
        },
      ),
      { numRuns: 8 },
    );
  });
});
