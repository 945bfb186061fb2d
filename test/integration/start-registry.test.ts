import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MemoryStore } from '../../src/content/memory-store.ts';
import { collect } from '../../src/content/read-manifest.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { type RunningRegistry, startRegistry } from '../../src/registry/server/start-registry.ts';

async function withRegistry(work: (registry: RunningRegistry, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'polyarch-registry-'));
  const registry = await startRegistry({ root });
  try {
    await work(registry, root);
  } finally {
    await registry.close();
    await rm(root, { recursive: true, force: true });
  }
}

async function send(
  registry: RunningRegistry,
  method: string,
  path: string,
  options: { headers?: OutgoingHttpHeaders; body?: Buffer | string } = {},
): Promise<{ status: number | undefined; headers: IncomingMessage['headers']; body: string }> {
  const { headers = {}, body } = options;
  const outgoing = request(registry.url + path, { method, headers, agent: false });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode, headers: incoming.headers, body: String(await collect(incoming)) };
}

describe('a registry that listens', () => {
  test('takes a blob that comes without a length, and gives it back', () =>
    withRegistry(async (registry) => {
      const start = await send(registry, 'POST', '/v2/a/blobs/uploads/');
      const bytes = Buffer.alloc(3_000_000, 'polyarch');
      const headers = { 'transfer-encoding': 'chunked' };
      const target = `${start.headers.location}?digest=${digestOf(bytes)}`;
      assert.equal((await send(registry, 'PUT', target, { headers, body: bytes })).status, 201);
      const got = await send(registry, 'GET', `/v2/a/blobs/${digestOf(bytes)}`);
      assert.equal(digestOf(got.body), digestOf(bytes));
      assert.equal(got.headers['docker-distribution-api-version'], 'registry/2.0');
      const head = await send(registry, 'HEAD', `/v2/a/blobs/${digestOf(bytes)}`);
      assert.deepEqual([head.headers['content-length'], head.body], ['3000000', '']);
    }));

  test('keeps what came over a connection that broke, and lets the upload go on', () =>
    withRegistry(async (registry, root) => {
      const start = await send(registry, 'POST', '/v2/a/blobs/uploads/');
      const location = start.headers.location ?? '';
      const socket = connect(registry.port, '127.0.0.1');
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nfirst half, `);
      await received(root, 'first half, ');
      socket.destroy();
      await until(async () => (await send(registry, 'GET', location)).headers.range === '0-11');
      const target = `${location}?digest=${digestOf('first half, second half')}`;
      const headers = { 'content-range': '12-22' };
      assert.equal((await send(registry, 'PUT', target, { headers, body: 'second half' })).status, 201);
    }));

  test('lets a client come again before the broken connection is noticed', () =>
    withRegistry(async (registry, root) => {
      const location = (await send(registry, 'POST', '/v2/a/blobs/uploads/')).headers.location ?? '';
      const stuck = connect(registry.port, '127.0.0.1');
      stuck.on('error', () => {});
      stuck.write(`PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nstuck`);
      await received(root, 'stuck');
      const closed = closeOf(stuck);
      const misplaced = await send(registry, 'PATCH', location, {
        headers: { 'content-range': '0-0' },
        body: 'x',
      });
      assert.deepEqual([misplaced.status, misplaced.headers.range], [416, '0-4']);
      assert.match(misplaced.body, /BLOB_UPLOAD_INVALID/);
      await closed;
      const target = `${location}?digest=${digestOf('stuck no more')}`;
      const headers = { 'content-range': '5-12' };
      assert.equal((await send(registry, 'PUT', target, { headers, body: ' no more' })).status, 201);
    }));

  test('answers a manifest that is too large while it is still being sent', () =>
    withRegistry(async (registry) => {
      const headers = { 'transfer-encoding': 'chunked' };
      const body = Buffer.alloc(5 * 1024 * 1024);
      const answer = await send(registry, 'PUT', '/v2/a/manifests/v1', { headers, body });
      assert.equal(answer.status, 413);
      assert.match(answer.body, /SIZE_INVALID/);
    }));

  test('closes: requests under way end, idle connections and stuck ones are cut', async () => {
    const registry = await startRegistry({ store: () => new MemoryStore(), graceMillis: 50 });
    const location = (await send(registry, 'POST', '/v2/a/blobs/uploads/')).headers.location ?? '';
    const [idle, stuck] = [connect(registry.port, '127.0.0.1'), connect(registry.port, '127.0.0.1')];
    for (const socket of [idle, stuck]) socket.on('error', () => {});
    stuck.write(`PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx`);
    await Promise.all([once(idle, 'connect'), once(stuck, 'connect')]);
    const closed = Promise.all([closeOf(idle), closeOf(stuck)]);
    await registry.close();
    await closed;
    await assert.rejects(send(registry, 'GET', '/v2/'), { code: 'ECONNREFUSED' });
  });

  test('closes when its signal is aborted, and says when its port is taken', async () => {
    const controller = new AbortController();
    const store = () => new MemoryStore();
    const registry = await startRegistry({ store, signal: controller.signal });
    await assert.rejects(startRegistry({ store, port: registry.port }), { code: 'NETWORK' });
    controller.abort();
    await registry.close();
  });
});

/** Not `once`: that rejects for a reset, which is one way to be cut. */
async function closeOf(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

/** Waits for an upload under way. */
async function received(root: string, bytes: string): Promise<void> {
  const uploads = join(root, 'uploads');
  await until(async () => {
    const [name] = await readdir(uploads);
    return name !== undefined && (await stat(join(uploads, name))).size === bytes.length;
  });
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, 'it did not happen within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
