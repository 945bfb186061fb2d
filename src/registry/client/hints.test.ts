import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Exchange, scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { collect } from '../../content/read-manifest.ts';
import { digestOf } from '../../lib/digest.ts';
import type { ErrorCode, PolyarchError } from '../../lib/errors.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { anonymous } from './auth/credential.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistryStore } from './registry-store.ts';

const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf('layer'), size: 5 };
const errors = (code: string) => JSON.stringify({ errors: [{ code, message: 'it is said' }] });
const resolve = (store: RegistryStore) => store.resolve('1');
const fetchLayer = async (store: RegistryStore) => await collect(await store.fetch(layer));
const listTags = async (store: RegistryStore) => {
  for await (const _ of store.listTags());
};

interface Case {
  readonly what: string;
  readonly script: (exchange: Exchange) => void;
  readonly work: (store: RegistryStore) => Promise<unknown>;
  readonly code: ErrorCode;
  readonly hint: RegExp;
}

const cases: readonly Case[] = [
  {
    what: 'no such tag',
    script: ({ answer }) => answer(404, {}, errors('MANIFEST_UNKNOWN')),
    work: resolve,
    code: 'NOT_FOUND',
    hint: /^polyarch tags ls \S+\/a\/b shows/,
  },
  {
    what: 'no such repository',
    script: ({ answer }) => answer(404, {}, errors('NAME_UNKNOWN')),
    work: listTags,
    code: 'NOT_FOUND',
    hint: /spelling.*polyarch login 127/,
  },
  {
    what: 'no such blob',
    script: ({ answer }) => answer(404, {}, errors('BLOB_UNKNOWN')),
    work: fetchLayer,
    code: 'NOT_FOUND',
    hint: /not whole there/,
  },
  {
    what: 'unauthorised',
    script: ({ answer }) => answer(401, { 'www-authenticate': 'Basic realm="r"' }, errors('UNAUTHORIZED')),
    work: resolve,
    code: 'UNAUTHORIZED',
    hint: /^polyarch login 127/,
  },
  {
    what: 'forbidden',
    script: ({ answer }) => answer(403, {}, errors('DENIED')),
    work: resolve,
    code: 'UNAUTHORIZED',
    hint: /^polyarch login 127.* with a user/,
  },
  {
    what: 'a page of a proxy',
    script: ({ answer }) => answer(200, { 'content-type': 'text/html' }, '<html>'),
    work: resolve,
    code: 'CONTENT_INVALID',
    hint: /^curl -i http:.*\/manifests\/1 /,
  },
  {
    what: 'another digest',
    script: ({ answer }) => answer(200, { 'docker-content-digest': digestOf('other') }, '{}'),
    work: resolve,
    code: 'CONTENT_INVALID',
    hint: /^curl -i http/,
  },
  {
    what: 'a blob of other bytes',
    script: ({ answer }) => answer(200, {}, 'LAYER'),
    work: fetchLayer,
    code: 'CONTENT_INVALID',
    hint: /damaged/,
  },
  {
    what: 'a blob that is shorter',
    script: ({ answer }) => answer(200, {}, 'lay'),
    work: fetchLayer,
    code: 'CONTENT_INVALID',
    hint: /damaged/,
  },
  {
    what: 'a server in trouble',
    script: ({ answer }) => answer(500),
    work: resolve,
    code: 'REGISTRY',
    hint: /--retry-times/,
  },
  {
    what: 'a connection that breaks',
    script: ({ response }) => response.destroy(),
    work: resolve,
    code: 'NETWORK',
    hint: /--retry-times/,
  },
];

for (const { what, script, work, code, hint } of cases) {
  test(`${what}: its failure says what to do`, async () => {
    const server = await scriptedServer((exchange) => {
      // Whatever it is, the HEAD in front of it says nothing of it.
      if (exchange.seen.method === 'HEAD') exchange.answer(404);
      else script(exchange);
    });
    const client = new RegistryClient({ credentials: anonymous, pace: 0.001, retries: 1 });
    try {
      await assert.rejects(work(client.repository(server.host, 'a/b')), (error: PolyarchError) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, /^Cannot [a-z ]+ ".+": ./);
        assert.match(error.hint ?? '', hint);
        return true;
      });
    } finally {
      client.close();
      await server.close();
    }
  });
}
