import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type Exchange,
  type ScriptedServer,
  scriptedServer,
} from '../../../test/fixtures/scripted-server.ts';
import { contentFromBytes } from '../../content/content.ts';
import { collect } from '../../content/read-manifest.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistryStore } from './registry-store.ts';

const blob = randomBytes(300_000);
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(blob), size: blob.length };

/** Where a request's Range begins. */
const fromOf = ({ seen }: Exchange): number =>
  Number(/bytes=(\d+)-/.exec(seen.headers.range ?? '')?.[1] ?? 0);

/** The blob from where it is asked for, and the connection's end after `length` bytes of it. */
function sendPart(exchange: Exchange, length: number): void {
  const from = fromOf(exchange);
  const rest = blob.subarray(from);
  const { response } = exchange;
  response.writeHead(from === 0 ? 200 : 206, {
    'content-length': String(rest.length),
    'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}`,
  });
  if (length >= rest.length) response.end(rest);
  else response.write(rest.subarray(0, length), () => response.destroy());
}

/** A registry of one repository with a token service; `dead` are tokens that it takes no longer. */
async function withTokens(
  script: (exchange: Exchange) => void | Promise<void>,
  work: (store: RegistryStore, world: { dead: Set<string>; server: ScriptedServer }) => Promise<void>,
  dead = new Set<string>(),
): Promise<void> {
  const server = await scriptedServer(async (exchange) => {
    const { seen, answer, count, request } = exchange;
    if (seen.url.startsWith('/token'))
      return answer(200, {}, JSON.stringify({ token: `t${count}`, expires_in: 300 }));
    const token = /^Bearer (.+)$/.exec(seen.headers.authorization ?? '')?.[1];
    if (token !== undefined && !dead.has(token)) return await script(exchange);
    request.resume();
    return answer(401, { 'www-authenticate': `Bearer realm="http://${server.host}/token"` });
  });
  const credentials = async () => ({ username: 'me', password: 'secret' });
  const client = new RegistryClient({ credentials, pace: 0.001 });
  try {
    await work(client.repository(server.host, 'a/b'), { dead, server });
  } finally {
    client.close();
    await server.close();
  }
}

describe('a token that expires', () => {
  test('in the middle of a download is replaced, and the rest comes', async () => {
    const dead = new Set<string>();
    const script = (exchange: Exchange): void => {
      if (fromOf(exchange) === 0) dead.add('t1');
      sendPart(exchange, fromOf(exchange) === 0 ? 100_000 : blob.length);
    };
    await withTokens(
      script,
      async (store, { server }) => {
        assert.ok(blob.equals(await collect(await store.fetch(layer))));
        assert.equal(server.seen.filter(({ url }) => url.startsWith('/token')).length, 2);
        const last = server.seen.at(-1);
        assert.equal(last?.headers.authorization, 'Bearer t2');
        assert.match(last?.headers.range ?? '', /^bytes=[1-9]\d*-/);
      },
      dead,
    );
  });

  test('between an upload’s beginning and its bytes is replaced, and the bytes are sent again', async () => {
    const dead = new Set<string>();
    let stored: Buffer | undefined;
    const script = async ({ seen, answer, body }: Exchange): Promise<void> => {
      if (seen.method === 'HEAD') return answer(404);
      if (seen.method === 'POST') {
        for (const token of ['t1', 't2']) dead.add(token);
        return answer(202, { location: '/v2/a/b/blobs/uploads/1' });
      }
      stored = await body();
      answer(201);
    };
    await withTokens(
      script,
      async (store) => {
        await store.push(layer, contentFromBytes(blob));
        assert.ok(stored && blob.equals(stored));
      },
      dead,
    );
  });
});

test('a blob that is stored elsewhere: without credentials, asked for anew when it breaks', async () => {
  let signatures = 0;
  const storage = await scriptedServer((exchange) => {
    const { seen, answer } = exchange;
    // A signed address serves once.
    if (seen.url !== `/signed?n=${signatures}`) return answer(403);
    return sendPart(exchange, signatures === 1 ? 120_000 : blob.length);
  });
  try {
    await withTokens(
      ({ answer }) => answer(307, { location: `http://${storage.host}/signed?n=${++signatures}` }),
      async (store) => {
        assert.ok(blob.equals(await collect(await store.fetch(layer))));
        assert.equal(storage.seen.length, 2);
        for (const { headers } of storage.seen) assert.equal(headers.authorization, undefined);
        assert.match(storage.seen[1]?.headers.range ?? '', /^bytes=[1-9]\d*-/);
      },
    );
  } finally {
    await storage.close();
  }
});

describe('a registry that changes its mind', () => {
  test('about the size: 416 for the rest of a blob that its descriptor says is longer', async () => {
    await withTokens(
      (exchange) => {
        if (fromOf(exchange) === 0) sendPart(exchange, 100_000);
        else exchange.answer(416, { 'content-range': 'bytes */100000' });
      },
      async (store) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'CONTENT_INVALID' });
      },
    );
  });

  test('about the length: a body that ends before what it announced, every time, is an error and never a blob', async () => {
    await withTokens(
      (exchange) => sendPart(exchange, 0),
      async (store) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'NETWORK' });
      },
    );
  });

  test('about an upload’s offset: 416 for the rest, which then begins anew', async () => {
    let puts = 0;
    let stored: Buffer | undefined;
    await withTokens(
      async ({ seen, answer, body, request, response }) => {
        if (seen.method === 'HEAD') return answer(404);
        if (seen.method === 'POST') return answer(202, { location: `/v2/a/b/blobs/uploads/${puts}` });
        if (seen.method === 'GET') return puts === 1 ? answer(204, { range: '0-99999' }) : answer(404);
        puts++;
        if (puts === 1) {
          for await (const chunk of request) if ((chunk as Buffer).length > 0) break;
          response.destroy();
          return;
        }
        const bytes = await body();
        if (puts === 2) return answer(416, { range: '0-4' });
        stored = bytes;
        return answer(201);
      },
      async (store) => {
        await store.push(layer, contentFromBytes(blob));
        assert.equal(puts, 3);
        assert.ok(stored && blob.equals(stored));
      },
    );
  });
});
