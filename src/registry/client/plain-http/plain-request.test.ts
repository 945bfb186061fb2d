import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { isLent } from '../../../lib/chunk-pool.ts';
import { ConnectionPool } from './connection-pool.ts';
import { PlainRequest } from './plain-request.ts';
import type { PlainResponse } from './plain-response.ts';

let server: Server;
let url: URL;
let script: (socket: Socket) => void = () => {};
const sockets: Socket[] = [];
before(async () => {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => script(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function get(pool: ConnectionPool): PlainRequest {
  const request = new PlainRequest(url, { method: 'GET', headers: {} }, pool);
  request.on('error', () => {});
  request.end();
  return request;
}

async function bodyOf(request: PlainRequest): Promise<Buffer> {
  const [response] = (await once(request, 'response')) as [PlainResponse];
  return Buffer.concat(await response.toArray());
}

test('bytes behind an answer are refused, and their connection is given up', async () => {
  const pool = new ConnectionPool(url, 1);
  script = (socket) => socket.write(`${answer}HTTP/1.1 200 OK\r\n`);
  const before = sockets.length;
  await assert.rejects(bodyOf(get(pool)), { code: 'NOT_HTTP' });
  script = (socket) => socket.write(answer);
  assert.equal(String(await bodyOf(get(pool))), 'ok');
  assert.equal(sockets.length - before, 2);
  pool.close();
});

test('an answer that nobody asked for is never the next request’s', async () => {
  const pool = new ConnectionPool(url, 1);
  script = (socket) => socket.write(answer);
  const before = sockets.length;
  await bodyOf(get(pool));
  const [socket] = sockets.slice(-1);
  assert.ok(socket);
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
  await once(socket, 'close');
  assert.equal(String(await bodyOf(get(pool))), 'ok');
  assert.equal(sockets.length - before, 2);
  pool.close();
});

test('requests wait for a connection in their order, and one that is given up takes none', async () => {
  const pool = new ConnectionPool(url, 2);
  let requests = 0;
  script = (socket) => socket.write(answer.replace('ok', `${String.fromCharCode(97 + requests++)}.`));
  const before = sockets.length;
  const all = [get(pool), get(pool), get(pool), get(pool), get(pool)];
  const abandoned = all[2];
  abandoned?.destroy();
  const bodies = await Promise.all(all.filter((request) => request !== abandoned).map(bodyOf));
  assert.deepEqual(bodies.map(String).sort(), ['a.', 'b.', 'c.', 'd.']);
  assert.deepEqual([requests, sockets.length - before], [4, 2]);
  pool.close();
});

test('a server that says how long it keeps a connection is not asked over it later', async () => {
  const pool = new ConnectionPool(url, 1);
  script = (socket) => socket.write(answer.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=1\r\n\r\n'));
  const before = sockets.length;
  await bodyOf(get(pool));
  await bodyOf(get(pool));
  assert.equal(sockets.length - before, 2);
  pool.close();
});

test('large reads are lent chunks, small ones hold none', async () => {
  const pool = new ConnectionPool(url, 1);
  const bytes = Buffer.alloc(4_000_000, 'a');
  script = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes);
  };
  const [response] = (await once(get(pool), 'response')) as [PlainResponse];
  const chunks = (await response.toArray()) as Buffer[];
  assert.deepEqual(Buffer.concat(chunks), bytes);
  for (const chunk of chunks) assert.equal(isLent(chunk), chunk.length >= 32 * 1024);
  pool.close();
});

test('the user and password of a URL are sent', async () => {
  const pool = new ConnectionPool(url, 1);
  const said = once(server, 'connection').then(async ([socket]) => String((await once(socket, 'data'))[0]));
  script = (socket) => socket.write(answer);
  const request = new PlainRequest(
    new URL(url.href.replace('//', '//me:p%40s@')),
    { method: 'GET', headers: {} },
    pool,
  );
  request.end();
  await bodyOf(request);
  assert.match(await said, new RegExp(`\r\nauthorization: Basic ${btoa('me:p@s')}\r\n`));
  pool.close();
});
