import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { isFailure } from '../lib/errors.ts';
import { decompress } from './decompress.ts';

const text = (length: number, seed: number): Buffer =>
  Buffer.alloc(length).map((_, i) => 97 + ((i * i * seed + (i >> 3)) % 23)) as Buffer;
const first = text(70_000, 3);
const second = text(140_000, 7);

function skippable(length: number): Buffer {
  const frame = Buffer.alloc(8 + length, 0xab);
  frame.writeUInt32LE(0x184d2a53, 0);
  frame.writeUInt32LE(length, 4);
  return frame;
}

function cut(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

async function all(blob: Buffer, size = 65_536): Promise<Buffer> {
  const out: Buffer[] = [];
  for await (const chunk of decompress(Readable.from(cut(blob, size)))) out.push(chunk);
  return Buffer.concat(out);
}

describe('decompress', () => {
  const both = Buffer.concat([first, second]);
  const blobs: Record<string, [Buffer, Buffer]> = {
    nothing: [Buffer.alloc(0), Buffer.alloc(0)],
    plain: [first, first],
    'gzip members and zeros behind them': [
      Buffer.concat([gzipSync(first), gzipSync(second), Buffer.alloc(700)]),
      both,
    ],
    'zstd frames': [Buffer.concat([zstdCompressSync(first), zstdCompressSync(second)]), both],
    'zstd between skippable frames': [
      Buffer.concat([
        skippable(0),
        skippable(9),
        zstdCompressSync(first),
        skippable(5),
        zstdCompressSync(second),
        skippable(0),
      ]),
      both,
    ],
    'an empty zstd frame': [
      Buffer.concat([zstdCompressSync(Buffer.alloc(0)), zstdCompressSync(first)]),
      first,
    ],
  };
  for (const [name, [blob, plain]] of Object.entries(blobs)) {
    for (const size of [7, 4096, 1_000_000]) {
      test(`${name}, in pieces of ${size}`, async () => {
        assert.ok((await all(blob, size)).equals(plain));
      });
    }
  }

  test('torn streams and rubbish behind them are refused', async () => {
    const gzip = gzipSync(first);
    const zstd = zstdCompressSync(first);
    for (const blob of [
      gzip.subarray(0, -9),
      zstd.subarray(0, -3),
      Buffer.concat([zstd, skippable(9).subarray(0, 12)]),
      Buffer.concat([zstd, Buffer.from('rubbish')]),
      Buffer.concat([gzip, Buffer.from('rubbish')]),
    ]) {
      await assert.rejects(all(blob), { code: 'ARCHIVE' });
    }
  });

  test('a bomb costs no more than what is read of it', async () => {
    const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    let seen = 0;
    for await (const chunk of decompress(Readable.from([bomb]))) {
      seen += chunk.length;
      if (seen > 1_000_000) break;
    }
    assert.ok(seen < 2_000_000);
  });

  test('damaged zstd ends in an error of ours or in bytes', async () => {
    const blob = blobs['zstd between skippable frames']?.[0] as Buffer;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(blob.length - 1),
        fc.nat(255),
        fc.integer({ min: 1, max: 9999 }),
        async (at, value, size) => {
          const bytes = Buffer.from(blob);
          bytes[at] = value;
          await all(bytes, size).catch((error: unknown) =>
            assert.ok(isFailure(error, 'ARCHIVE', 'LIMIT'), String(error)),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});
