import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sortedTags } from '../../src/content/store.suite.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import type { RegistryStore } from '../../src/registry/client/registry-store.ts';
import { type Exchange, scriptedServer } from '../fixtures/scripted-server.ts';

/** Sends blanks until the other end has had enough. */
function endless({ response }: Exchange, status: number, contentType: string): void {
  response.writeHead(status, { 'content-type': contentType });
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

const json = 'application/json';
const manifest = mediaTypes.ociManifest;
const resolve = async (store: RegistryStore): Promise<unknown> => await store.resolveDocument('1');
const listTags = async (store: RegistryStore): Promise<unknown> => await sortedTags(store);
const bearer = (realm: string) => ({ 'www-authenticate': `Bearer realm="${realm}",service="x"` });

const lies: readonly [name: string, lie: (exchange: Exchange) => void, code: string, work: typeof resolve][] =
  [
    ['a manifest without an end', (it) => endless(it, 200, manifest), 'LIMIT', resolve],
    ['tags without an end', (it) => endless(it, 200, json), 'LIMIT', listTags],
    ['an error without an end', (it) => endless(it, 403, json), 'UNAUTHORIZED', resolve],
    [
      'a compressed manifest, which would be five megabytes',
      (it) =>
        it.answer(
          200,
          { 'content-type': manifest, 'content-encoding': 'gzip' },
          gzipSync(Buffer.alloc(5_000_000)),
        ),
      'CONTENT_INVALID',
      resolve,
    ],
    ['redirects in a circle', (it) => it.answer(307, { location: it.seen.url }), 'REGISTRY', resolve],
    ['a redirect to a file', (it) => it.answer(307, { location: 'file:///etc/passwd' }), 'REGISTRY', resolve],
    [
      'pages in a circle',
      (it) => it.answer(200, { link: `<${it.seen.url}>; rel="next"` }, '{"tags":["a"]}'),
      'LIMIT',
      listTags,
    ],
    [
      'a next page elsewhere',
      (it) => it.answer(200, { link: '<http://192.0.2.1/x>; rel="next"' }, '{"tags":[]}'),
      'REGISTRY',
      listTags,
    ],
    [
      'a token service that is a file',
      (it) => it.answer(401, bearer('file:///etc/passwd')),
      'UNAUTHORIZED',
      resolve,
    ],
    [
      'tokens that are never right',
      (it) =>
        it.seen.url.startsWith('/token')
          ? it.answer(200, {}, '{"token":"t"}')
          : it.answer(401, bearer(`http://${it.seen.headers.host}/token`)),
      'UNAUTHORIZED',
      resolve,
    ],
    [
      'a manifest that nests two hundred thousand deep',
      (it) => it.answer(200, { 'content-type': manifest }, `${'['.repeat(200_000)}${']'.repeat(200_000)}`),
      'LIMIT',
      resolve,
    ],
  ];

describe('a registry that lies is told of, in few requests', () => {
  for (const [name, lie, code, work] of lies) {
    test(name, async () => {
      const server = await scriptedServer(lie);
      const client = new RegistryClient({ credentials: anonymous, retries: 0 });
      try {
        await assert.rejects(work(client.repository(server.host, 'a/b')), { code });
        assert.ok(server.seen.length <= 8, `${server.seen.length} requests`);
      } finally {
        client.close();
        await server.close();
      }
    });
  }
});
