import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { digestOf } from '../lib/digest.ts';
import { collect } from './read-manifest.ts';
import { isVerifiedAs, verified } from './verify.ts';

const bytes = Buffer.from('some bytes that a registry sent');
const expected = { digest: digestOf(bytes), size: bytes.length };
const chunks = (...parts: (string | Buffer)[]) => Readable.from(parts.map((part) => Buffer.from(part)));

/** What a reader had got when the stream ended or failed. */
async function drain(stream: Readable): Promise<{ got: string; error?: unknown }> {
  let got = '';
  try {
    for await (const chunk of stream) got += String(chunk);
    return { got };
  } catch (error) {
    return { got, error };
  }
}

test('is known for what it verifies, until something was read of it', async () => {
  const stream = verified(chunks(bytes.subarray(0, 3), bytes.subarray(3)), expected);
  assert.equal(isVerifiedAs(stream, expected), true);
  assert.equal(verified(stream, expected), stream);
  assert.equal(isVerifiedAs(chunks(bytes), expected), false);
  assert.equal(isVerifiedAs(stream, { ...expected, size: 1 }), false);
  assert.equal(isVerifiedAs(stream, { ...expected, digest: digestOf('x') }), false);
  const [first] = await stream.take(1).toArray();
  assert.equal(String(first), 'som');
  assert.equal(isVerifiedAs(stream, expected), false);
});

describe('the verifying stream', () => {
  test('passes right content on, in whatever chunks, by either algorithm', async () => {
    assert.deepEqual(await collect(verified(chunks(bytes), expected)), bytes);
    assert.deepEqual(
      await collect(verified(chunks(bytes.subarray(0, 3), '', bytes.subarray(3)), expected)),
      bytes,
    );
    const sha512 = { digest: digestOf(bytes, 'sha512'), size: bytes.length };
    assert.deepEqual(await collect(verified(chunks(bytes), sha512)), bytes);
    assert.deepEqual(await collect(verified(chunks(), { digest: digestOf(''), size: 0 })), Buffer.alloc(0));
  });

  test('fails before its end, and before the last chunk, when the digest differs', async () => {
    const wrong = Buffer.from(bytes);
    wrong[0] = 0;
    const { got, error } = await drain(verified(chunks(wrong.subarray(0, 5), wrong.subarray(5)), expected));
    assert.equal((error as { code: string }).code, 'CONTENT_INVALID');
    assert.ok(got.length <= 5);
  });

  test('fails on one byte too many or too few', async () => {
    for (const stream of [
      chunks(bytes, 'x'),
      chunks(Buffer.concat([bytes, Buffer.from('x')])),
      chunks(bytes.subarray(1)),
      chunks(),
    ]) {
      await assert.rejects(collect(verified(stream, expected)), { code: 'CONTENT_INVALID' });
    }
    await assert.rejects(collect(verified(chunks(), { digest: digestOf('x'), size: 0 })), {
      code: 'CONTENT_INVALID',
    });
  });

  test('fails when its source is cut without an error, or was closed before', async () => {
    const cut = new Readable({ read() {} });
    cut.push(bytes.subarray(0, 4));
    setImmediate(() => cut.destroy());
    await assert.rejects(collect(verified(cut, expected)), { code: 'CONTENT_INVALID' });
    await assert.rejects(collect(verified(cut, expected)), { code: 'CONTENT_INVALID' });
  });

  test("gives the source's error, mapped when asked to", async () => {
    const broken = () =>
      new Readable({
        read: function () {
          this.destroy(new Error('read failed'));
        },
      });
    await assert.rejects(collect(verified(broken(), expected)), { message: 'read failed' });
    const sourceError = (error: Error) => new Error(`mapped: ${error.message}`);
    await assert.rejects(collect(verified(broken(), expected, { sourceError })), {
      message: 'mapped: read failed',
    });
  });

  test('destroys its source when its reader leaves, and when it is aborted', async () => {
    const source = new Readable({ read() {} });
    verified(source, expected).destroy();
    assert.ok(source.destroyed);
    const controller = new AbortController();
    const endless = new Readable({ read() {} });
    const reading = collect(verified(endless, expected, { signal: controller.signal }));
    controller.abort();
    await assert.rejects(reading, { code: 'INTERRUPTED' });
    assert.ok(endless.destroyed);
  });

  test('holds back: a slow reader does not make it read everything', async () => {
    let read = 0;
    const source = new Readable({
      highWaterMark: 1024,
      read: function () {
        read += 1024;
        this.push(Buffer.alloc(1024));
      },
    });
    const stream = verified(source, { digest: digestOf(''), size: 1 << 30 });
    stream.once('readable', () => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(read < 64 * 1024, `${read} bytes read ahead`);
    stream.destroy();
  });
});
