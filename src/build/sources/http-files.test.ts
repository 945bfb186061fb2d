import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../lib/digest.ts';
import { type ErrorCode, isFailure } from '../../lib/errors.ts';
import { HttpFiles } from './http-files.ts';

const { signal } = new AbortController();
const url = 'https://me:hunter2@example.org/dir/f?sig=secret';

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** A server that answers in turn; what it was asked is kept. */
function files(t: TestContext, answers: readonly Answer[], maxBytes?: number) {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-http-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const asked: Record<string, string>[] = [];
  let cancelled = 0;
  const http = new HttpFiles({
    directory,
    ...(maxBytes !== undefined && { maxBytes }),
    async get(_, { headers }) {
      const { status = 200, headers: given = {}, body = '' } = answers[asked.length] ?? {};
      asked.push({ ...headers });
      return {
        status,
        headers: given,
        body: (async function* () {
          yield Buffer.from(body);
        })(),
        cancel() {
          cancelled++;
        },
      };
    },
  });
  const left = () => readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return { http, asked, directory, left, cancelled: () => cancelled };
}

const isCode = (code: ErrorCode) => (error: unknown) =>
  isFailure(error, code) && !/hunter2|secret/.test(error.message);

describe('a file behind a URL', () => {
  test('is asked about again by its ETag, also where the server ignores the question', async (t) => {
    const headers = { etag: 'W/"1"', 'last-modified': 'Tue, 15 Nov 1994 12:45:26 GMT' };
    const { http, asked, cancelled } = files(t, [
      { headers, body: 'one' },
      { status: 304 },
      { headers: { etag: '"1"' }, body: 'one' },
      { headers: { etag: '"2"' }, body: 'two' },
    ]);
    const first = await http.fetch(url, { signal });
    assert.equal(readFileSync(first.path, 'utf8'), 'one');
    assert.deepEqual([first.digest, first.size, first.modified], [digestOf('one'), 3, 784903526]);
    assert.deepEqual(await http.fetch(url, { signal }), first);
    assert.deepEqual(await http.fetch(url, { signal }), first);
    assert.equal(cancelled(), 2, 'the body is not read');
    const second = await http.fetch(url, { signal });
    assert.equal(readFileSync(second.path, 'utf8'), 'two');
    assert.equal(second.modified, 0);
    assert.deepEqual(
      asked.map((headers) => headers['if-none-match']),
      [undefined, 'W/"1"', 'W/"1"', 'W/"1"'],
    );
  });

  test('by Last-Modified where there is no ETag, unless it is too young to tell', async (t) => {
    const now = new Date().toUTCString();
    const old = 'Tue, 15 Nov 1994 12:45:26 GMT';
    const { http, asked } = files(t, [
      { headers: { 'last-modified': old }, body: 'a' },
      { headers: { 'last-modified': now, date: now }, body: 'b' },
      { body: 'c' },
    ]);
    for (let count = 0; count < 3; count++) await http.fetch(url, { signal });
    assert.deepEqual(
      asked.map((headers) => headers['if-modified-since']),
      [undefined, old, undefined],
    );
  });

  test('with a checksum that is here nothing is asked', async (t) => {
    const { http, asked } = files(t, [{ body: 'one' }]);
    const checksum = digestOf('one');
    const first = await http.fetch(url, { checksum, signal });
    assert.deepEqual(await http.fetch(url, { checksum, signal }), first);
    assert.equal(asked.length, 1);
  });

  test('its URL is written nowhere', async (t) => {
    const { http, directory, left } = files(t, [{ headers: { etag: '"1"' }, body: 'one' }]);
    await http.fetch(url, { signal });
    for (const name of left()) {
      assert.doesNotMatch(name, /example|secret/);
      if (name.endsWith('.json'))
        assert.doesNotMatch(readFileSync(join(directory, name), 'utf8'), /http|secret/);
    }
  });

  test('is what the server compressed on the way', async (t) => {
    const { http } = files(t, [{ headers: { 'content-encoding': 'gzip' }, body: gzipSync('plain') }]);
    assert.equal(readFileSync((await http.fetch(url, { signal })).path, 'utf8'), 'plain');
  });

  const refused: readonly (readonly [string, Answer, ErrorCode])[] = [
    ['not there', { status: 404 }, 'NOT_FOUND'],
    ['not ours', { status: 403 }, 'UNAUTHORIZED'],
    ['a server in trouble', { status: 500 }, 'NETWORK'],
    ['another checksum', { body: 'evil' }, 'CONTENT_INVALID'],
    ['too large', { body: 'x'.repeat(200) }, 'LIMIT'],
    ['a bomb', { headers: { 'content-encoding': 'gzip' }, body: gzipSync('x'.repeat(100_000)) }, 'LIMIT'],
    ['cut short', { headers: { 'content-length': '9' }, body: 'short' }, 'NETWORK'],
    ['an encoding that nobody asked for', { headers: { 'content-encoding': 'br' } }, 'UNSUPPORTED'],
  ];
  for (const [name, answer, code] of refused) {
    test(`${name}: ${code}, and nothing is left`, async (t) => {
      const { http, left } = files(t, [answer], 100);
      const checksum = code === 'CONTENT_INVALID' ? digestOf('good') : undefined;
      await assert.rejects(http.fetch(url, { checksum, signal }), isCode(code));
      assert.deepEqual(
        left().filter((path) => path !== 'files'),
        [],
      );
    });
  }
});
