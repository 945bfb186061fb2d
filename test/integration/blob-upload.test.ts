import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import type { RegistryEvent } from '../../src/registry/client/events.ts';
import { limits } from '../../src/registry/client/limits.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { type Exchange, scriptedServer } from '../fixtures/scripted-server.ts';

/** A registry that takes uploads as distribution-spec has it, with what `odd` does differently. */
class Uploads {
  readonly taken = new Map<string, Buffer>();
  readonly log: string[] = [];
  #count = 0;
  readonly odd: (exchange: Exchange, bytes: Buffer) => boolean | Promise<boolean>;
  readonly headers: Record<string, string>;

  constructor(odd: Uploads['odd'] = () => false, headers: Record<string, string> = {}) {
    this.odd = odd;
    this.headers = headers;
  }

  readonly script = async (exchange: Exchange): Promise<void> => {
    const { seen, answer, request } = exchange;
    const path = seen.url.split('?')[0] ?? '';
    if (seen.method === 'HEAD') return answer(404);
    const bytes = seen.method === 'GET' ? Buffer.alloc(0) : await received(request);
    this.log.push(`${seen.method} ${seen.headers['content-range'] ?? bytes.length}`);
    if (await this.odd(exchange, bytes)) return;
    if (seen.method === 'POST') {
      const location = `/up/${++this.#count}`;
      this.taken.set(location, Buffer.alloc(0));
      return answer(202, { location, ...this.headers });
    }
    const before = this.taken.get(path);
    if (before === undefined) return answer(404);
    const first = Number(/^(\d+)-/.exec(seen.headers['content-range'] ?? '')?.[1] ?? before.length);
    const range = (length: number) => `0-${Math.max(length - 1, 0)}`;
    if (seen.method === 'GET') return answer(204, { range: range(before.length), location: path });
    if (first !== before.length) return answer(416, { range: range(before.length), location: path });
    const all = Buffer.concat([before, bytes]);
    this.taken.set(path, all);
    if (seen.method === 'PATCH') return answer(202, { range: range(all.length), location: path });
    const digest = new URL(seen.url, 'http://x').searchParams.get('digest');
    return answer(digest === digestOf(all) ? 201 : 400);
  };
}

async function received(request: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const bytes = randomBytes(500_000);
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };

async function push(
  uploads: Uploads,
  content = bytes,
  options: { uploadsDirectory?: string; signal?: AbortSignal } = {},
): Promise<RegistryEvent[]> {
  const events: RegistryEvent[] = [];
  const onEvent = (event: RegistryEvent) => events.push(event);
  const server = await scriptedServer(uploads.script);
  const client = new RegistryClient({ credentials: anonymous, pace: 0.001, onEvent, ...options });
  const descriptor = { ...layer, digest: digestOf(content), size: content.length };
  try {
    await client.repository(server.host, 'a/b').push(descriptor, contentFromBytes(content), options);
    return events;
  } finally {
    client.close();
    await server.close();
  }
}

/** 413 for bodies of more than `most` bytes, as a proxy in front of a registry says. */
const refusing =
  (most: number): Uploads['odd'] =>
  ({ answer }, body) => {
    if (body.length > most) answer(413);
    return body.length > most;
  };

describe('a registry that takes no large request', () => {
  test('gets chunks, as large as it takes, and remembers them for the next blob', async () => {
    const uploads = new Uploads(refusing(130_000));
    const server = await scriptedServer(uploads.script);
    const client = new RegistryClient({ credentials: anonymous, pace: 0.001 });
    try {
      const store = client.repository(server.host, 'a/b');
      await store.push(layer, contentFromBytes(bytes));
      assert.deepEqual(
        uploads.log.filter((line) => line.startsWith('PATCH')).slice(-4),
        ['0-124999', '125000-249999', '250000-374999', '375000-499999'].map((range) => `PATCH ${range}`),
      );
      assert.equal(uploads.log.at(-1), 'PUT 0');
      uploads.log.length = 0;
      const other = randomBytes(200_000);
      await store.push({ ...layer, digest: digestOf(other), size: other.length }, contentFromBytes(other));
      assert.deepEqual(uploads.log, ['POST 0', 'PATCH 0-124999', 'PATCH 125000-199999', 'PUT 0']);
    } finally {
      client.close();
      await server.close();
    }
  });

  test('gets no smaller ones than it wants', async () => {
    const uploads = new Uploads(refusing(300_000), { 'oci-chunk-min-length': '260000' });
    await push(uploads);
    assert.deepEqual(uploads.log.slice(-4), ['POST 0', 'PATCH 0-259999', 'PATCH 260000-499999', 'PUT 0']);
    const contradicting = new Uploads(refusing(100_000), { 'oci-chunk-min-length': '260000' });
    await assert.rejects(push(contradicting), { code: 'REGISTRY', message: /413/ });
  });

  test('cannot have a blob held in memory by wanting it in one chunk', async () => {
    const uploads = new Uploads(refusing(130_000));
    const server = await scriptedServer(uploads.script);
    const client = new RegistryClient({ credentials: anonymous, pace: 0.001 });
    try {
      const store = client.repository(server.host, 'a/b');
      await store.push(layer, contentFromBytes(bytes));
      uploads.headers['oci-chunk-min-length'] = '999999999999';
      let opened = false;
      const content = {
        open: () => {
          opened = true;
          return Promise.reject(new Error('it is read'));
        },
      };
      const other = { ...layer, digest: digestOf('other'), size: 8 * 1024 ** 3 };
      await assert.rejects(store.push(other, content), { code: 'REGISTRY', message: /999999999999/ });
      assert.equal(opened, false);
    } finally {
      client.close();
      await server.close();
    }
  });

  test('may take a part of a chunk, and break off in one', async () => {
    let patches = 0;
    const uploads = new Uploads((exchange, body) => {
      const { seen, answer, response } = exchange;
      if (seen.method === 'PUT' && body.length > 0) {
        answer(413);
        return true;
      }
      if (seen.method !== 'PATCH') return false;
      patches++;
      if (patches === 1) {
        uploads.taken.set('/up/2', body.subarray(0, 70_000));
        answer(202, { range: '0-69999', location: '/up/2' });
      } else if (patches === 2) {
        uploads.taken.set('/up/2', bytes.subarray(0, 90_000));
        response.destroy();
      }
      return patches <= 2;
    });
    const events = await push(uploads);
    assert.ok(bytes.equals(uploads.taken.get('/up/2') ?? Buffer.alloc(0)));
    assert.deepEqual(
      events.map((event) => event.type === 'resume' && event.offset),
      [0, 90_000],
    );
  });
});

for (const most of [bytes.length, 260_000]) {
  test(`an upload whose last answer is lost is finished, in pieces of ${most} bytes`, async () => {
    let lost = 0;
    const uploads = new Uploads(async (exchange, body) => {
      const { seen, response } = exchange;
      if (await refusing(most)(exchange, body)) return true;
      const path = seen.url.split('?')[0] ?? '';
      const all = Buffer.concat([uploads.taken.get(path) ?? Buffer.alloc(0), body]);
      if (seen.method !== 'PUT' || all.length < bytes.length) return false;
      lost++;
      uploads.taken.delete(path);
      response.destroy();
      return true;
    });
    const inner = uploads.script;
    const script = async (exchange: Exchange): Promise<void> => {
      if (exchange.seen.method === 'HEAD' && lost > 0) return exchange.answer(200);
      await inner(exchange);
    };
    await push(Object.assign(uploads, { script }));
    assert.equal(lost, 1);
  });
}

test('a wait that is asked for is told, one that is too long is the failure', async () => {
  let refused = false;
  const once = (header: string) =>
    new Uploads(({ seen, answer }) => {
      if (seen.method !== 'PUT' || refused) return false;
      refused = true;
      answer(429, { 'retry-after': header });
      return true;
    });
  const events = await push(once('2'));
  assert.deepEqual(
    events.map((event) => event.type),
    ['retry', 'resume'],
  );
  refused = false;
  await assert.rejects(push(once('7200')), { code: 'REGISTRY', hint: /7200 seconds/ });
});

describe('an upload whose process ended', () => {
  const large = randomBytes(limits.rememberedUploadBytes + 1000);
  const descriptor = { ...layer, digest: digestOf(large), size: large.length };

  /** Pushes half of `large`, ends the push, and marks its record as a dead process's. */
  async function interrupted(directory: string, host: string): Promise<void> {
    const controller = new AbortController();
    const client = new RegistryClient({ credentials: anonymous, uploadsDirectory: directory });
    const push = client.repository(host, 'a/b').push(
      descriptor,
      {
        async open() {
          const { Readable } = await import('node:stream');
          return Readable.from(
            (async function* () {
              yield large.subarray(0, 3_000_000);
              await new Promise((resolve) => setTimeout(resolve, 50));
              controller.abort();
              await new Promise(() => {});
            })(),
          );
        },
      },
      { signal: controller.signal },
    );
    await assert.rejects(push, { code: 'INTERRUPTED' });
    client.close();
    const [name = ''] = await readdir(directory);
    const path = join(directory, name);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const record = await readFile(path, 'utf8');
    await writeFile(path, record.replace(/"owner":"\d+\.\d+/, '"owner":"999999999.1'));
  }

  /** A registry that keeps what came of a body that broke off. */
  const keeping = () => {
    const uploads = new Uploads();
    let broken = false;
    const script = async (exchange: Exchange): Promise<void> => {
      const { seen, request } = exchange;
      if (seen.method !== 'PUT' || broken) return await uploads.script(exchange);
      broken = true;
      const path = seen.url.split('?')[0] ?? '';
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk as Buffer);
      } catch {
        uploads.taken.set(path, Buffer.concat(chunks));
      }
    };
    return { uploads, script };
  };

  async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'polyarch-uploads-'));
    try {
      await work(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  test('is gone on with by the next, which forgets it when it is done', async () => {
    await inDirectory(async (directory) => {
      const { uploads, script } = keeping();
      const server = await scriptedServer(script);
      const client = new RegistryClient({ credentials: anonymous, uploadsDirectory: directory });
      try {
        await interrupted(directory, server.host);
        await client.repository(server.host, 'a/b').push(descriptor, contentFromBytes(large));
        assert.equal(uploads.log.filter((line) => line.startsWith('POST')).length, 1);
        assert.match(uploads.log.at(-1) ?? '', new RegExp(`^PUT [1-9]\\d+-${large.length - 1}$`));
        assert.deepEqual(await readdir(directory), []);
      } finally {
        client.close();
        await server.close();
      }
    });
  });

  test('begins anew when the registry knows it no more, the record lies, or its process lives', async () => {
    for (const harm of [
      (record: string) => record.replace('/up/1', '/up/99'),
      (record: string) => record.replace('http://', 'https://evil.example/'),
      (record: string) => record.replace(/"owner":"[^"]*"/, `"owner":"${'0'.repeat(12)}"`),
      () => '{',
    ]) {
      await inDirectory(async (directory) => {
        const { uploads, script } = keeping();
        const server = await scriptedServer(script);
        const client = new RegistryClient({ credentials: anonymous, uploadsDirectory: directory });
        try {
          await interrupted(directory, server.host);
          const [name = ''] = await readdir(directory);
          const path = join(directory, name);
          await writeFile(path, harm(await readFile(path, 'utf8')));
          await client.repository(server.host, 'a/b').push(descriptor, contentFromBytes(large));
          assert.equal(uploads.log.filter((line) => line.startsWith('POST')).length, 2);
          assert.equal(uploads.log.at(-1), `PUT ${large.length}`);
        } finally {
          client.close();
          await server.close();
        }
      });
    }
  });
});
