import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotHttp, parseResponseHead } from './response-head.ts';

const head = (...lines: string[]): string => lines.join('\r\n');

test('reads status, headers and what ends the body', () => {
  const read = parseResponseHead(
    head(
      'HTTP/1.1 200 OK',
      'Content-Length: 12',
      'X-A:  b \t',
      'x-a: c',
      'Location: /1',
      'location: /2',
      'Set-Cookie: d',
      'Keep-Alive: timeout=5, max=3',
    ),
    'GET',
  );
  assert.deepEqual(
    { ...read, headers: { ...read.headers } },
    {
      status: 200,
      headers: {
        'content-length': '12',
        'x-a': 'b, c',
        location: '/1',
        'set-cookie': ['d'],
        'keep-alive': 'timeout=5, max=3',
      },
      framing: { kind: 'length', bytes: 12 },
      keepAlive: true,
      idleMs: 5000,
    },
  );
});

const framings: [string, string[], string, { kind: string; bytes?: number }, boolean][] = [
  ['GET', ['HTTP/1.1 200 OK'], 'neither', { kind: 'close' }, false],
  ['GET', ['HTTP/1.1 200', 'Transfer-Encoding: Chunked'], 'chunks', { kind: 'chunked' }, true],
  ['GET', ['HTTP/1.0 200 OK', 'Content-Length: 1'], 'HTTP/1.0', { kind: 'length', bytes: 1 }, false],
  [
    'GET',
    ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: x, Close'],
    'close',
    { kind: 'length', bytes: 1 },
    false,
  ],
  ['HEAD', ['HTTP/1.1 200 OK', 'Content-Length: 99'], 'HEAD', { kind: 'length', bytes: 0 }, true],
  [
    'HEAD',
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
    'HEAD of chunks',
    { kind: 'length', bytes: 0 },
    true,
  ],
  ['GET', ['HTTP/1.1 204 No Content'], '204', { kind: 'length', bytes: 0 }, true],
  ['GET', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], '304', { kind: 'length', bytes: 0 }, true],
  ['GET', ['HTTP/1.1 100 Continue'], '100', { kind: 'length', bytes: 0 }, true],
];
for (const [method, lines, name, framing, keepAlive] of framings) {
  test(`knows the end of a body: ${name}`, () => {
    const read = parseResponseHead(head(...lines), method);
    assert.deepEqual([read.framing, read.keepAlive], [framing, keepAlive]);
  });
}

const refused: [string, string[]][] = [
  ['no status line', ['SSH-2.0-OpenSSH']],
  ['HTTP/2', ['HTTP/2 200 OK']],
  ['a status of two digits', ['HTTP/1.1 20 OK']],
  ['a folded line', ['HTTP/1.1 200 OK', 'A: b', ' c: d']],
  ['white space before the colon', ['HTTP/1.1 200 OK', 'Content-Length : 3']],
  ['a bare LF', ['HTTP/1.1 200 OK', 'A: b\nContent-Length: 3']],
  ['a bare CR', ['HTTP/1.1 200 OK', 'A: b\rContent-Length: 3']],
  ['NUL', ['HTTP/1.1 200 OK', 'A: \0']],
  ['two lengths', ['HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 3']],
  ['a list of lengths', ['HTTP/1.1 200 OK', 'Content-Length: 3, 3']],
  ['a signed length', ['HTTP/1.1 200 OK', 'Content-Length: +3']],
  ['a length beside chunks', ['HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked']],
  ['another coding', ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked']],
  ['chunked twice', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
];
for (const [name, lines] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parseResponseHead(head(...lines), 'GET'), NotHttp);
  });
}

test('a header named as an object’s own property is a header', () => {
  const { headers } = parseResponseHead(head('HTTP/1.1 200 OK', '__proto__: a', 'constructor: b'), 'GET');
  assert.deepEqual(Object.keys(headers), ['__proto__', 'constructor']);
});
