import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exchange, scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { anonymous } from './auth/credential.ts';
import { RegistryClient } from './registry-client.ts';

const subject = digestOf('subject');
const referrer = (text: string) => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(text),
  size: 7,
  artifactType: 'application/x',
});
const index = (...manifests: unknown[]) =>
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
const asIndex = { 'content-type': mediaTypes.ociIndex };
const api = `/v2/a/b/referrers/${subject}`;
const fallback = `/v2/a/b/manifests/${subject.replace(':', '-')}`;

async function listed(script: (exchange: Exchange) => void): Promise<string[]> {
  const client = new RegistryClient({ credentials: anonymous, pace: 0.001 });
  const server = await scriptedServer(script);
  try {
    const found: string[] = [];
    for await (const { digest } of client.repository(server.host, 'a/b').listReferrers(subject))
      found.push(digest);
    return found;
  } finally {
    client.close();
    await server.close();
  }
}

describe('referrers', () => {
  test('the API, page by page', async () => {
    const found = await listed(({ seen, answer }) => {
      if (seen.url === api)
        answer(200, { ...asIndex, link: `<${api}?n=2>; rel="next"` }, index(referrer('1')));
      else if (seen.url === `${api}?n=2`) answer(200, asIndex, index(referrer('2')));
      else answer(500);
    });
    assert.deepEqual(found, [digestOf('1'), digestOf('2')]);
  });

  for (const [name, status, headers] of [
    ['404', 404, {}],
    ['400', 400, {}],
    ['406', 406, {}],
    ['a page of a web site', 200, { 'content-type': 'text/html' }],
  ] as const) {
    test(`a registry without the API, which answers ${name}: the fallback tag`, async () => {
      const found = await listed(({ seen, answer }) => {
        if (seen.url === api) answer(status, headers);
        else if (seen.url === fallback) answer(200, asIndex, index(referrer('1')));
        else answer(500);
      });
      assert.deepEqual(found, [digestOf('1')]);
    });
  }

  test('no such tag, or one that is no index: nothing', async () => {
    const manifest = JSON.stringify({ schemaVersion: 2, config: referrer('c'), layers: [] });
    const gitlab = { 'content-type': mediaTypes.ociManifest };
    for (const body of [undefined, manifest]) {
      const found = await listed(({ seen, answer }) => {
        if (seen.url === fallback && body !== undefined) answer(200, gitlab, body);
        else answer(404);
      });
      assert.deepEqual(found, []);
    }
  });

  test('pages that lead away or have no end, and answers of another kind, are failures', async () => {
    const away = listed(({ answer }) =>
      answer(200, { ...asIndex, link: '<https://evil.example/>; rel="next"' }, index()),
    );
    await assert.rejects(away, { code: 'REGISTRY' });
    const nonsense = listed(({ answer }) => answer(200, asIndex, '{"manifests": 1}'));
    await assert.rejects(nonsense, { code: 'CONTENT_INVALID' });
    await assert.rejects(
      listed(({ answer }) => answer(401)),
      { code: 'UNAUTHORIZED' },
    );
  });
});
