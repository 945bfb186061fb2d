import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../lib/errors.ts';
import { encodeChunk, encodeJson, type Frame, FrameReader, maxFrameBytes } from './frames.ts';

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.jsonValue().map((value) => ({ kind: 'json' as const, value: JSON.parse(JSON.stringify(value)) })),
  fc.record(
    {
      kind: fc.constantFrom('stdout' as const, 'stderr' as const),
      id: fc.nat(0xffffffff),
      bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  ),
);

function encode(one: Frame): Buffer {
  return one.kind === 'json' ? encodeJson(one.value) : encodeChunk(one.kind, one.id, one.bytes);
}

describe('frames', () => {
  test('come back as they were, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encode));
        const reader = new FrameReader();
        const found: Frame[] = [];
        let offset = 0;
        for (let turn = 0; offset < bytes.length; turn++) {
          const size = cuts[turn % Math.max(1, cuts.length)] ?? bytes.length;
          found.push(...reader.push(bytes.subarray(offset, offset + size)));
          offset += size;
        }
        assert.deepEqual(found, frames);
      }),
    );
  });

  test('bytes that are none give KEEPER, never another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 5, maxLength: 64 }), (bytes) => {
        try {
          new FrameReader().push(Buffer.from(bytes));
        } catch (error) {
          assert.ok(isFailure(error, 'KEEPER'), String(error));
        }
      }),
    );
  });

  test('a length beyond the limit is refused before anything is kept', () => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(maxFrameBytes + 2, 0);
    assert.throws(
      () => new FrameReader().push(header),
      (error: unknown) => isFailure(error, 'KEEPER'),
    );
    assert.throws(
      () => new FrameReader().push(Buffer.alloc(5)),
      (error: unknown) => isFailure(error, 'KEEPER'),
    );
  });
});
