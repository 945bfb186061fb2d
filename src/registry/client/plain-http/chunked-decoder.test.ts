import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { NotHttp } from './response-head.ts';

/** The body in `text`, cut into pieces at `cuts`; how many bytes were the body's, and whether it was whole. */
function decode(text: Buffer, cuts: readonly number[] = []): { body: Buffer; used: number; done: boolean } {
  const parts: Buffer[] = [];
  const decoder = new ChunkedDecoder((data) => parts.push(Buffer.from(data)));
  const ends = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let [at, used] = [0, 0];
  for (const end of [...ends, text.length]) {
    used += decoder.decode(text.subarray(at, end));
    at = end;
  }
  return { body: Buffer.concat(parts), used, done: decoder.done };
}

test('gives the same bytes however they are cut', () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.array(fc.nat(2000)),
      fc.constantFrom('', ';a=b', ' ;x'),
      fc.constantFrom('', 'T: u\r\n'),
      (chunks, cuts, extension, trailer) => {
        const text = Buffer.concat([
          ...chunks.flatMap((bytes) => [
            Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`),
            bytes,
            Buffer.from('\r\n'),
          ]),
          Buffer.from(`0\r\n${trailer}\r\n`),
        ]);
        assert.deepEqual(decode(text, cuts), { body: Buffer.concat(chunks), used: text.length, done: true });
      },
    ),
  );
});

test('leaves what lies behind the body', () => {
  assert.deepEqual(decode(Buffer.from('1\r\na\r\n0\r\n\r\nHTTP')), {
    body: Buffer.from('a'),
    used: 11,
    done: true,
  });
});

for (const text of [
  '-1\r\n',
  '\r\n',
  '0x1\r\na',
  '1\na\n',
  '1\r\nab\r\n',
  '1 2\r\n',
  'fffffffffffff\r\n',
  '0\r\nT: \0\r\n',
  `1;${'a'.repeat(5000)}`,
  `0\r\n${'T: u\r\n'.repeat(10_000)}`,
]) {
  test(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => decode(Buffer.from(text)), NotHttp);
  });
}

test('never throws anything else, nor gives more than it got', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '1', 'a', '\r', '\n', ';', ' ', 'x') }), (text) => {
      try {
        assert.ok(decode(Buffer.from(text)).body.length <= text.length);
      } catch (error) {
        assert.ok(error instanceof NotHttp);
      }
    }),
  );
});
