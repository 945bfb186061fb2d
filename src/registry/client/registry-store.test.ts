import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Exchange, scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { contentFromBytes } from '../../content/content.ts';
import { collect } from '../../content/read-manifest.ts';
import { digestOf } from '../../lib/digest.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { anonymous } from './auth/credential.ts';
import type { RegistryEvent } from './events.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistryStore } from './registry-store.ts';

interface World {
  readonly store: RegistryStore;
  readonly host: string;
  readonly events: RegistryEvent[];
  readonly seen: readonly { method: string; url: string }[];
}

/** A repository `a/b` behind `script`. */
async function withRegistry(
  script: (exchange: Exchange, host: string) => void | Promise<void>,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const events: RegistryEvent[] = [];
  const onEvent = (event: RegistryEvent) => events.push(event);
  const client = new RegistryClient({ credentials: anonymous, pace: 0.001, onEvent });
  const server = await scriptedServer((exchange) => script(exchange, server.host));
  try {
    const { host, seen } = server;
    await work({ store: client.repository(host, 'a/b'), host, events, seen });
  } finally {
    client.close();
    await server.close();
  }
}

async function tagsOf(store: RegistryStore): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of store.listTags()) tags.push(tag);
  return tags;
}

const blob = randomBytes(300_000);
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(blob), size: blob.length };
const document = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, digest: digestOf('{}'), size: 2 },
  layers: [],
});
const manifest = { mediaType: mediaTypes.ociManifest, digest: digestOf(document), size: document.length };

describe('downloads', () => {
  test('one that breaks goes on where it stopped', async () => {
    await withRegistry(
      ({ seen, response, answer, count }) => {
        const from = Number(/bytes=(\d+)-/.exec(seen.headers.range ?? '')?.[1] ?? 0);
        const rest = blob.subarray(from);
        if (count > 3) {
          answer(206, { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` }, rest);
          return;
        }
        response.writeHead(from === 0 ? 200 : 206, {
          'content-length': String(rest.length),
          'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}`,
        });
        response.write(rest.subarray(0, 70_000), () => response.destroy());
      },
      async ({ store, events, seen }) => {
        assert.ok(blob.equals(await collect(await store.fetch(layer))));
        assert.equal(seen.length, 4);
        assert.deepEqual(
          events.map((event) => event.type),
          ['resume', 'resume', 'resume'],
        );
      },
    );
  });

  test('a registry without ranges sends it again, and no byte is doubled', async () => {
    await withRegistry(
      ({ response, answer, count }) => {
        if (count > 1) {
          answer(200, {}, blob);
          return;
        }
        response.writeHead(200, { 'content-length': String(blob.length) });
        response.write(blob.subarray(0, 100_001), () => response.destroy());
      },
      async ({ store }) => assert.ok(blob.equals(await collect(await store.fetch(layer)))),
    );
  });

  test('another range than was asked for is refused', async () => {
    await withRegistry(
      ({ response, answer, count }) => {
        if (count > 1) {
          answer(206, { 'content-range': `bytes 5-${blob.length - 1}/${blob.length}` }, blob.subarray(5));
          return;
        }
        response.writeHead(200, { 'content-length': String(blob.length) });
        response.write(blob.subarray(0, 100), () => response.destroy());
      },
      async ({ store }) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'REGISTRY' });
      },
    );
  });

  test('bytes that are not those of the digest never reach their end', async () => {
    const lie = Buffer.from(blob);
    lie[lie.length - 1] = (lie.at(-1) ?? 0) ^ 1;
    await withRegistry(
      ({ answer }) => answer(200, {}, lie),
      async ({ store }) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'CONTENT_INVALID' });
      },
    );
    await withRegistry(
      ({ response }) => {
        response.writeHead(200);
        response.end(Buffer.concat([blob, blob]));
      },
      async ({ store }) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'CONTENT_INVALID' });
      },
    );
  });

  test('a registry that never delivers ends the tries', async () => {
    await withRegistry(
      ({ response }) => {
        response.writeHead(200, { 'content-length': '300000' });
        response.flushHeaders();
        setImmediate(() => response.destroy());
      },
      async ({ store, seen }) => {
        await assert.rejects(async () => collect(await store.fetch(layer)), { code: 'NETWORK' });
        assert.equal(seen.length, 5);
      },
    );
  });

  test('a range is cut out of a whole answer', async () => {
    await withRegistry(
      ({ answer }) => answer(200, {}, blob),
      async ({ store }) => {
        const part = await collect(await store.fetchRange(layer, 1000, 2000));
        assert.ok(blob.subarray(1000, 3000).equals(part));
      },
    );
  });
});

describe('uploads', () => {
  /** Takes 100,000 bytes of the first PUT and breaks off; then says `range`. */
  const breaking =
    (range: string | undefined, taken: Buffer[]) =>
    async ({ seen, request, response, answer, body, count }: Exchange): Promise<void> => {
      const path = seen.url.split('?')[0] ?? '';
      if (seen.method === 'HEAD') answer(404);
      else if (seen.method === 'POST') answer(202, { location: '/up/1?_state=one' });
      else if (seen.method === 'GET' && range) answer(204, { range, location: '/up/2?_state=two' });
      else if (seen.method === 'GET') answer(404);
      else if (count === 1 && path === '/up/1') {
        let size = 0;
        for await (const chunk of request) {
          size += (chunk as Buffer).length;
          if (size >= 100_000) break;
        }
        response.destroy();
      } else {
        taken.push(await body());
        answer(201);
      }
    };

  test('one that breaks asks how much arrived and sends the rest', async () => {
    const taken: Buffer[] = [];
    await withRegistry(breaking('0-99999', taken), async ({ store, seen, events }) => {
      await store.push(layer, contentFromBytes(blob));
      assert.ok(blob.subarray(100_000).equals(Buffer.concat(taken)));
      const last = seen.at(-1);
      assert.equal(last?.url, `/up/2?_state=two&digest=${encodeURIComponent(layer.digest)}`);
      assert.deepEqual(
        events.map((event) => event.type),
        ['resume'],
      );
    });
  });

  for (const [range, what] of [
    [undefined, 'a session that is gone'],
    ['0-0', 'an answer that means none or one byte'],
    ['0-999999', 'an answer that is more than there is'],
  ] as const) {
    test(`begins anew after ${what}`, async () => {
      const taken: Buffer[] = [];
      await withRegistry(breaking(range, taken), async ({ store, seen }) => {
        await store.push(layer, contentFromBytes(blob));
        assert.ok(blob.equals(Buffer.concat(taken)));
        assert.equal(seen.filter((entry) => entry.method === 'POST').length, 2);
      });
    });
  }

  test('what the registry has is not sent; what exists denied is not asked twice', async () => {
    await withRegistry(
      ({ answer }) => answer(200),
      async ({ store }) => {
        await store.push(layer, { open: () => Promise.reject(new Error('opened')) });
      },
    );
    await withRegistry(
      ({ seen, answer }) => answer(seen.method === 'HEAD' ? 404 : 500),
      async ({ store, seen }) => {
        assert.equal(await store.exists(layer), false);
        await assert.rejects(store.push(layer, contentFromBytes(blob)), { code: 'REGISTRY' });
        assert.equal(seen.filter((entry) => entry.method === 'HEAD').length, 1);
      },
    );
  });

  test('a location off this machine without encryption is refused', async () => {
    await withRegistry(
      ({ seen, answer }) =>
        answer(seen.method === 'HEAD' ? 404 : 202, { location: 'http://storage.example/up?sig=x' }),
      async ({ store }) => {
        await assert.rejects(store.push(layer, contentFromBytes(blob)), (error: Error) => {
          assert.match(error.message, /unencrypted at http:\/\/storage\.example\/up\?…/);
          return true;
        });
      },
    );
  });

  test('an early refusal is shown, though the body was not taken', async () => {
    await withRegistry(
      ({ seen, answer }) => {
        if (seen.method === 'HEAD') answer(404);
        else if (seen.method === 'POST') answer(202, { location: '/up' });
        else
          answer(
            413,
            {},
            JSON.stringify({ errors: [{ code: 'TOOLARGE', message: 'at most\u001b[2J 1 GB' }] }),
          );
      },
      async ({ store }) => {
        await assert.rejects(
          store.push(layer, contentFromBytes(blob)),
          /answered 413: TOOLARGE: at most \[2J 1 GB/,
        );
      },
    );
  });

  test('a refused mount becomes the upload', async () => {
    await withRegistry(
      async ({ seen, answer, body }) => {
        if (seen.method === 'POST') answer(202, { location: '/up/mounted' });
        else {
          await body();
          answer(201);
        }
      },
      async ({ store, seen }) => {
        assert.equal(await store.mount(layer, 'other/base'), false);
        await store.push(layer, contentFromBytes(blob));
        assert.deepEqual(
          seen.map((entry) => `${entry.method} ${entry.url.split('?')[0]}`),
          ['POST /v2/a/b/blobs/uploads/', 'PUT /up/mounted'],
        );
        assert.match(seen[0]?.url ?? '', /mount=sha256%3A[0-9a-f]{64}&from=other%2Fbase$/);
      },
    );
  });
});

describe('manifests', () => {
  test('a HEAD that says all is enough; one without a digest is followed by a GET', async () => {
    const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.size) };
    await withRegistry(
      ({ seen, answer }) => {
        const claimed = seen.url.endsWith('/full') ? { 'docker-content-digest': manifest.digest } : {};
        answer(200, { ...headers, ...claimed }, document);
      },
      async ({ store, seen }) => {
        assert.deepEqual(await store.resolve('full'), manifest);
        assert.equal(seen.length, 1);
        assert.deepEqual(await store.resolve('bare'), manifest);
        assert.equal(seen.length, 3);
        assert.equal((await collect(await store.fetch(manifest))).toString(), document);
        assert.equal(seen.length, 3, 'the bytes were kept');
      },
    );
  });

  test('text/plain and a missing type are read by their content', async () => {
    await withRegistry(
      ({ answer }) => answer(200, { 'content-type': 'text/plain' }, document),
      async ({ store }) => assert.deepEqual(await store.resolve('x'), manifest),
    );
  });

  test('a digest that lies is refused, by tag and by digest', async () => {
    await withRegistry(
      ({ answer }) => answer(200, { 'docker-content-digest': digestOf('other') }, document),
      async ({ store }) => {
        await assert.rejects(store.resolve('x'), { code: 'CONTENT_INVALID' });
        await assert.rejects(store.resolve(digestOf('third')), { code: 'CONTENT_INVALID' });
      },
    );
  });

  test('one that is too large is never read whole', async () => {
    await withRegistry(
      ({ seen, response }) => {
        response.writeHead(200, { 'content-type': manifest.mediaType });
        response.end(seen.method === 'HEAD' ? undefined : Buffer.alloc(maxMetadataBytes + 1, 0x20));
      },
      async ({ store }) => {
        await assert.rejects(store.resolve('x'), { code: 'LIMIT' });
        await assert.rejects(store.fetch({ ...manifest, size: maxMetadataBytes + 1 }), { code: 'LIMIT' });
      },
    );
  });

  test('a registry that stores other bytes than it got is found out', async () => {
    await withRegistry(
      ({ seen, answer }) =>
        answer(seen.method === 'HEAD' ? 404 : 201, { 'docker-content-digest': digestOf('x') }),
      async ({ store }) => {
        await assert.rejects(store.push(manifest, contentFromBytes(document)), { code: 'CONTENT_INVALID' });
      },
    );
  });
});

describe('tags', () => {
  const page = (tags: unknown) => JSON.stringify({ name: 'a/b', tags });

  test('page after page, without what is no tag', async () => {
    await withRegistry(
      ({ seen, answer }) => {
        if (seen.url.includes('last=')) answer(200, {}, page(['c', null, 'sha256:ab', 'd\u001b']));
        else answer(200, { link: '</v2/a/b/tags/list?last=b&n=2>; rel="next"' }, page(['a', 'b']));
      },
      async ({ store }) => assert.deepEqual(await tagsOf(store), ['a', 'b', 'c']),
    );
    await withRegistry(
      ({ answer }) => answer(200, {}, page(null)),
      async ({ store }) => assert.deepEqual(await tagsOf(store), []),
    );
  });

  test('a page elsewhere, and pages without an end, are refused', async () => {
    for (const [link, code] of [
      ['<https://example.com/v2/x>; rel="next"', 'REGISTRY'],
      ['</v2/a/b/tags/list?n=1000>; rel=next', 'LIMIT'],
    ] as const) {
      await withRegistry(
        ({ answer }) => answer(200, { link }, page(['a'])),
        async ({ store }) => {
          await assert.rejects(tagsOf(store), { code });
        },
      );
    }
  });
});
