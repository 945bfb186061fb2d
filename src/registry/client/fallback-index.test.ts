import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exchange, scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { contentFromBytes } from '../../content/content.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { referrersTag } from '../../oci/referrers-tag.ts';
import { anonymous } from './auth/credential.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistryStore } from './registry-store.ts';

const subject = digestOf('subject');
const tagPath = `/v2/a/b/manifests/${referrersTag(subject)}`;
const apiPath = `/v2/a/b/referrers/${subject}`;
const referrer = (name: string) => {
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: `application/${name}`,
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 },
    layers: [],
    subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 7 },
    annotations: { name },
  });
  return {
    bytes,
    descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length },
  };
};
const entry = (name: string) => ({
  ...referrer(name).descriptor,
  artifactType: `application/${name}`,
  annotations: { name },
});
const indexOf = (...manifests: object[]) =>
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });

async function withRegistry(
  script: (exchange: Exchange) => void | Promise<void>,
  work: (store: RegistryStore) => Promise<void>,
): Promise<void> {
  const client = new RegistryClient({ credentials: anonymous, pace: 0.001 });
  const server = await scriptedServer(script);
  try {
    await work(client.repository(server.host, 'a/b'));
  } finally {
    client.close();
    await server.close();
  }
}

async function names(store: RegistryStore): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { annotations } of store.listReferrers(subject)) found.push(annotations?.name);
  return found;
}

/** A registry without the referrers API that keeps manifests; `meddle` changes what a PUT of the fallback index leaves behind. */
function withoutList(meddle: (bytes: string, count: number) => string = (bytes) => bytes) {
  const kept = new Map<string, string>();
  let writes = 0;
  return async ({ seen: { method, url }, answer, body }: Exchange): Promise<void> => {
    if (url === apiPath) return answer(404, {}, '404 page not found');
    if (method === 'PUT') {
      const text = (await body()).toString();
      kept.set(url, url === tagPath ? meddle(text, ++writes) : text);
      return answer(201);
    }
    if (method === 'DELETE') {
      kept.delete(url);
      return answer(202);
    }
    const text = kept.get(url);
    const type = (JSON.parse(text ?? '{}') as { mediaType?: string }).mediaType ?? '';
    return text === undefined ? answer(404) : answer(200, { 'content-type': type }, text);
  };
}

describe('the fallback index', () => {
  test('a registry without a list gets the fallback index, each referrer once, and less on delete', async () => {
    await withRegistry(withoutList(), async (store) => {
      for (const name of ['a', 'b', 'a']) {
        const { bytes, descriptor } = referrer(name);
        await store.push(descriptor, contentFromBytes(bytes));
      }
      assert.deepEqual(await names(store), ['a', 'b']);
      await store.delete(referrer('a').descriptor);
      assert.deepEqual(await names(store), ['b']);
    });
  });

  test('an index that another client overwrites is written again, but not for ever', async () => {
    const { bytes, descriptor } = referrer('a');
    const once = (text: string, count: number) => (count === 1 ? indexOf(entry('b')) : text);
    await withRegistry(withoutList(once), async (store) => {
      await store.push(descriptor, contentFromBytes(bytes));
      assert.deepEqual(await names(store), ['b', 'a']);
    });
    const always = () => indexOf(entry('b'));
    await withRegistry(withoutList(always), async (store) => {
      await assert.rejects(store.push(descriptor, contentFromBytes(bytes)), { code: 'REGISTRY' });
    });
  });
});
