import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { contentFromBytes, readableOf } from '../../content/content.ts';
import { BlobDirectory } from '../../content/layout/blob-directory.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import { collect } from '../../content/read-manifest.ts';
import { sampleImage, storeSuite } from '../../content/store.suite.ts';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { DiskRepositories } from './disk-repositories.ts';
import { DiskRepository } from './disk-repository.ts';
import type { Handler } from './message.ts';
import { registryHandler } from './registry-handler.ts';
import { repositoriesFrom } from './repositories.ts';
import { UploadSessions } from './upload-sessions.ts';

const temporaryDirectory = async () => await mkdtemp(join(tmpdir(), 'polyarch-registry-'));

storeSuite('a repository on disk', async () => {
  const root = await temporaryDirectory();
  const blobs = new BlobDirectory(root);
  await blobs.prepare();
  return {
    store: new DiskRepository(join(root, 'repositories/a/b'), blobs),
    close: async () => await rm(root, { recursive: true, force: true }),
  };
});

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  json: {
    errors?: { code: string }[];
    tags?: string[];
    repositories?: string[];
    manifests?: { digest: string; artifactType: string }[];
  };
}

type Call = (
  method: string,
  target: string,
  sent?: { body?: Buffer | string | Readable; headers?: Record<string, string> },
) => Promise<Answer>;

/** Calls a handler as the listener does, without a socket. */
function callerOf(handler: Handler): Call {
  return async (method, target, sent = {}) => {
    const [path = '', query = ''] = target.split('?');
    const body = sent.body instanceof Readable ? sent.body : readableOf(Buffer.from(sent.body ?? ''));
    const response = await handler({
      method,
      path,
      query: new URLSearchParams(query),
      headers: sent.headers ?? {},
      body,
      signal: new AbortController().signal,
    });
    const bytes = Buffer.isBuffer(response.body)
      ? response.body
      : response.body
        ? await collect(response.body)
        : Buffer.alloc(0);
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
    );
    const isJson = /json/.test(headers['content-type'] ?? '') && bytes.length > 0;
    if (method !== 'HEAD' && response.status !== 304) {
      assert.equal(Number(headers['content-length'] ?? 0), bytes.length, `${method} ${target}`);
    }
    return { status: response.status, headers, body: bytes, json: isJson ? JSON.parse(String(bytes)) : {} };
  };
}

async function withRegistry(
  work: (call: Call, root: string, restart: () => Promise<Call>) => Promise<void>,
): Promise<void> {
  const root = await temporaryDirectory();
  const start = async () => {
    const repositories = await DiskRepositories.open(root);
    return callerOf(
      registryHandler(repositories, new UploadSessions(repositories.uploads), {
        onError: (error) => {
          throw error;
        },
      }),
    );
  };
  try {
    await work(await start(), root, start);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function pushBlob(call: Call, name: string, bytes: Buffer | string): Promise<Answer> {
  return await call('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes });
}

async function pushImage(call: Call, name: string, tag: string, image = sampleImage()) {
  await pushBlob(call, name, image.config);
  await pushBlob(call, name, image.layer);
  const answer = await call('PUT', `/v2/${name}/manifests/${tag}`, {
    body: image.manifest,
    headers: { 'content-type': mediaTypes.ociManifest },
  });
  assert.equal(answer.status, 201, String(answer.body));
  return image;
}

const codeOf = (answer: Answer) => `${answer.status} ${answer.json.errors?.[0]?.code}`;

describe('the registry', () => {
  test('says that it is one', () =>
    withRegistry(async (call) => {
      assert.equal((await call('GET', '/v2/')).status, 200);
      assert.equal((await call('GET', '/v3/')).status, 404);
      assert.equal(codeOf(await call('POST', '/v2/')), '405 UNSUPPORTED');
    }));

  test('takes a blob in one request, in two, and in chunks', () =>
    withRegistry(async (call) => {
      const one = await pushBlob(call, 'a/b', 'one');
      assert.equal(one.status, 201);
      assert.equal(one.headers.location, `/v2/a/b/blobs/${digestOf('one')}`);

      const post = await call('POST', '/v2/a/b/blobs/uploads/');
      assert.equal(post.status, 202);
      assert.equal(post.headers.range, '0-0');
      const put = await call('PUT', `${post.headers.location}?digest=${digestOf('two')}`, { body: 'two' });
      assert.equal(put.status, 201);

      const { location = '' } = (await call('POST', '/v2/a/b/blobs/uploads/')).headers;
      const first = await call('PATCH', location, {
        body: 'chunk',
        headers: { 'content-range': '0-4', 'content-length': '5' },
      });
      assert.equal(`${first.status} ${first.headers.range}`, '202 0-4');
      const gap = await call('PATCH', location, { body: 'x', headers: { 'content-range': '7-7' } });
      assert.equal(`${gap.status} ${gap.headers.range} ${gap.headers.location}`, `416 0-4 ${location}`);
      const status = await call('GET', location);
      assert.equal(`${status.status} ${status.headers.range}`, '204 0-4');
      const last = await call('PUT', `${location}?digest=${digestOf('chunked')}`, {
        body: 'ed',
        headers: { 'content-range': '5-6' },
      });
      assert.equal(last.status, 201);
      for (const text of ['one', 'two', 'chunked']) {
        assert.equal(String((await call('GET', `/v2/a/b/blobs/${digestOf(text)}`)).body), text);
      }
      assert.equal(
        codeOf(await call('PUT', `${location}?digest=${digestOf('x')}`)),
        '404 BLOB_UPLOAD_UNKNOWN',
      );
    }));

  test('takes sha512 and empty blobs', () =>
    withRegistry(async (call) => {
      const digest = digestOf('content', 'sha512');
      assert.equal(
        (await call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: 'content' })).status,
        201,
      );
      assert.equal(String((await call('GET', `/v2/a/blobs/${digest}`)).body), 'content');
      assert.equal((await pushBlob(call, 'a', '')).status, 201);
      const empty = await call('GET', `/v2/a/blobs/${digestOf('')}`);
      assert.equal(`${empty.status} ${empty.headers['content-length']} ${empty.body.length}`, '200 0 0');
    }));

  test('refuses a blob with the wrong digest and keeps nothing of it', () =>
    withRegistry(async (call, root) => {
      const answer = await call('POST', `/v2/a/blobs/uploads/?digest=${digestOf('x')}`, { body: 'y' });
      assert.equal(codeOf(answer), '400 DIGEST_INVALID');
      assert.equal(codeOf(await call('POST', '/v2/a/blobs/uploads/?digest=nonsense')), '400 DIGEST_INVALID');
      assert.deepEqual(await readdir(join(root, 'uploads')), []);
      assert.equal(codeOf(await call('GET', `/v2/a/blobs/${digestOf('x')}`)), '404 BLOB_UNKNOWN');
    }));

  test('resumes an upload after a broken body, and after a restart', () =>
    withRegistry(async (call, _root, restart) => {
      const { location = '' } = (await call('POST', '/v2/a/blobs/uploads/')).headers;
      const broken = Readable.from(
        (function* () {
          yield Buffer.from('first ');
          throw new Error('the connection broke');
        })(),
      );
      await assert.rejects(call('PATCH', location, { body: broken }));
      assert.equal((await call('GET', location)).headers.range, '0-5');
      const again = await restart();
      assert.equal((await again('GET', location)).headers.range, '0-5');
      assert.equal(codeOf(await again('GET', location.replace('/a/', '/other/'))), '404 BLOB_UPLOAD_UNKNOWN');
      const put = await again('PUT', `${location}?digest=${digestOf('first last')}`, {
        body: 'last',
        headers: { 'content-range': '6-9' },
      });
      assert.equal(put.status, 201);
    }));

  test('ends an upload whose file has less than was taken, as on a full disk: no gap gets under a digest', () =>
    withRegistry(async (call, root) => {
      const { location = '' } = (await call('POST', '/v2/a/blobs/uploads/')).headers;
      await call('PATCH', location, { body: 'first half ' });
      const [file = ''] = await readdir(join(root, 'uploads'));
      await truncate(join(root, 'uploads', file), 4);
      const digest = digestOf('first half second half');
      const finished = await call('PUT', `${location}?digest=${digest}`, { body: 'second half' });
      assert.equal(codeOf(finished), '404 BLOB_UPLOAD_UNKNOWN');
      assert.equal((await call('HEAD', `/v2/a/blobs/${digest}`)).status, 404);
      assert.deepEqual(await readdir(join(root, 'uploads')), []);
    }));

  test('cancels an upload', () =>
    withRegistry(async (call, root) => {
      const { location = '' } = (await call('POST', '/v2/a/blobs/uploads/')).headers;
      await call('PATCH', location, { body: 'bytes' });
      assert.equal((await call('DELETE', location)).status, 204);
      assert.equal(codeOf(await call('GET', location)), '404 BLOB_UPLOAD_UNKNOWN');
      assert.deepEqual(await readdir(join(root, 'uploads')), []);
    }));

  test('serves ranges', () =>
    withRegistry(async (call) => {
      await pushBlob(call, 'a', '0123456789');
      const path = `/v2/a/blobs/${digestOf('0123456789')}`;
      const ranged = async (range: string) => {
        const { status, headers, body } = await call('GET', path, { headers: { range } });
        return `${status} ${headers['content-range']} ${body}`;
      };
      assert.equal(await ranged('bytes=2-4'), '206 bytes 2-4/10 234');
      assert.equal(await ranged('bytes=8-'), '206 bytes 8-9/10 89');
      assert.equal(await ranged('bytes=-3'), '206 bytes 7-9/10 789');
      assert.equal(await ranged('bytes=5-99'), '206 bytes 5-9/10 56789');
      assert.match(await ranged('bytes=10-'), /^416 bytes \*\/10/);
      assert.equal(await ranged('bytes=1-2,4-5'), '200 undefined 0123456789');
      const head = await call('HEAD', path);
      assert.equal(
        `${head.status} ${head.headers['content-length']} ${head.headers['docker-content-digest']}`,
        `200 10 ${digestOf('0123456789')}`,
      );
      assert.equal(
        (await call('GET', path, { headers: { 'if-none-match': `"${digestOf('0123456789')}"` } })).status,
        304,
      );
    }));

  test('shows a blob only where it was pushed or mounted, and stores it once', () =>
    withRegistry(async (call, root) => {
      const digest = digestOf('shared');
      await pushBlob(call, 'source', 'shared');
      assert.equal((await call('HEAD', `/v2/target/blobs/${digest}`)).status, 404);
      const missing = await call('POST', `/v2/target/blobs/uploads/?mount=${digestOf('none')}&from=source`);
      assert.equal(missing.status, 202);
      const mounted = await call('POST', `/v2/target/blobs/uploads/?mount=${digest}&from=source`);
      assert.equal(`${mounted.status} ${mounted.headers.location}`, `201 /v2/target/blobs/${digest}`);
      assert.equal(String((await call('GET', `/v2/target/blobs/${digest}`)).body), 'shared');
      await pushBlob(call, 'third', 'shared');
      const path = join(root, 'blobs/sha256', digest.slice(7));
      assert.equal((await stat(path)).nlink, 4);
      for (const name of ['source', 'target'])
        assert.equal((await call('DELETE', `/v2/${name}/blobs/${digest}`)).status, 202);
      assert.equal((await call('HEAD', `/v2/source/blobs/${digest}`)).status, 404);
      assert.equal((await call('HEAD', `/v2/third/blobs/${digest}`)).status, 200);
      await call('DELETE', `/v2/third/blobs/${digest}`);
      await assert.rejects(stat(path), { code: 'ENOENT' });
    }));

  test('serves manifests by tag and digest, and deletes both', () =>
    withRegistry(async (call) => {
      const { manifest, descriptors } = await pushImage(call, 'a/b', 'v1');
      const { digest } = descriptors.manifest;
      for (const reference of ['v1', digest]) {
        const answer = await call('GET', `/v2/a/b/manifests/${reference}`);
        assert.ok(answer.body.equals(manifest));
        assert.equal(answer.headers['docker-content-digest'], digest);
        assert.equal(answer.headers['content-type'], mediaTypes.ociManifest);
        const head = await call('HEAD', `/v2/a/b/manifests/${reference}`);
        assert.equal(head.headers['content-length'], String(manifest.length));
      }
      assert.equal((await call('PUT', '/v2/a/b/manifests/v2', { body: manifest })).status, 201);
      assert.equal((await call('DELETE', '/v2/a/b/manifests/v1')).status, 202);
      assert.equal(codeOf(await call('GET', '/v2/a/b/manifests/v1')), '404 MANIFEST_UNKNOWN');
      assert.equal((await call('GET', '/v2/a/b/manifests/v2')).status, 200);
      assert.equal((await call('DELETE', `/v2/a/b/manifests/${digest}`)).status, 202);
      assert.equal(codeOf(await call('GET', '/v2/a/b/manifests/v2')), '404 MANIFEST_UNKNOWN');
      assert.equal(codeOf(await call('GET', `/v2/a/b/manifests/${digest}`)), '404 MANIFEST_UNKNOWN');
    }));

  test('checks manifests', () =>
    withRegistry(async (call) => {
      const image = sampleImage();
      const put = async (body: Buffer | string, reference = 'v1', type: string = mediaTypes.ociManifest) =>
        codeOf(
          await call('PUT', `/v2/a/manifests/${reference}`, { body, headers: { 'content-type': type } }),
        );
      assert.equal(await put(image.manifest), '404 MANIFEST_BLOB_UNKNOWN');
      await pushImage(call, 'a', 'v1', image);
      assert.equal(await put('nonsense'), '400 MANIFEST_INVALID');
      assert.equal(await put(image.manifest, 'v1', mediaTypes.dockerManifest), '400 MANIFEST_INVALID');
      assert.equal(await put(image.manifest, digestOf('x')), '400 DIGEST_INVALID');
      assert.equal(await put(image.manifest, '-bad'), '400 TAG_INVALID');
      assert.equal(await put(Buffer.alloc(4 * 1024 * 1024 + 1)), '413 SIZE_INVALID');
      const index = (digest: string) =>
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociIndex,
          manifests: [{ ...image.descriptors.manifest, digest }],
        });
      assert.equal(await put(index(digestOf('none')), 'i', mediaTypes.ociIndex), '404 MANIFEST_BLOB_UNKNOWN');
      assert.equal(
        await put(index(image.descriptors.manifest.digest), 'i', mediaTypes.ociIndex),
        '201 undefined',
      );
    }));

  test('lists tags and repositories in pages', () =>
    withRegistry(async (call) => {
      const image = sampleImage();
      for (const tag of ['c', 'a', 'b']) await pushImage(call, 'x/y', tag, image);
      await pushImage(call, 'x', 'a', image);
      assert.deepEqual((await call('GET', '/v2/x/y/tags/list')).json.tags, ['a', 'b', 'c']);
      const page = await call('GET', '/v2/x/y/tags/list?n=2');
      assert.deepEqual(page.json.tags, ['a', 'b']);
      assert.equal(page.headers.link, '</v2/x/y/tags/list?n=2&last=b>; rel="next"');
      const next = await call('GET', '/v2/x/y/tags/list?n=2&last=b');
      assert.deepEqual([next.json.tags, next.headers.link], [['c'], undefined]);
      assert.deepEqual((await call('GET', '/v2/x/y/tags/list?n=0')).json.tags, []);
      assert.equal(codeOf(await call('GET', '/v2/none/tags/list')), '404 NAME_UNKNOWN');
      assert.deepEqual((await call('GET', '/v2/_catalog')).json.repositories, ['x', 'x/y']);
    }));

  test('lists referrers by subject and artifact type', () =>
    withRegistry(async (call) => {
      const image = await pushImage(call, 'a', 'v1');
      const subject = image.descriptors.manifest;
      await pushBlob(call, 'a', '{}');
      const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
      const push = async (artifactType: string) => {
        const body = JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          artifactType,
          config,
          layers: [config],
          subject,
          annotations: { kind: artifactType },
        });
        const answer = await call('PUT', `/v2/a/manifests/${digestOf(body)}`, {
          body,
          headers: { 'content-type': mediaTypes.ociManifest },
        });
        assert.equal(answer.headers['oci-subject'], subject.digest);
        return digestOf(body);
      };
      const sbom = await push('application/spdx+json');
      await push('application/x-signature');
      const path = `/v2/a/referrers/${subject.digest}`;
      assert.equal((await call('GET', path)).json.manifests?.length, 2);
      const filtered = await call('GET', `${path}?artifactType=application/spdx%2Bjson`);
      assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
      assert.deepEqual(
        filtered.json.manifests?.map(({ digest, artifactType }) => [digest, artifactType]),
        [[sbom, 'application/spdx+json']],
      );
      await call('DELETE', `/v2/a/manifests/${sbom}`);
      assert.equal((await call('GET', path)).json.manifests?.length, 1);
      assert.deepEqual((await call('GET', `/v2/a/referrers/${digestOf('none')}`)).json.manifests, []);
    }));

  test('refuses names that are none, whatever they point at', () =>
    withRegistry(async (call) => {
      for (const name of [
        'A',
        'a//b',
        '../a',
        'a/../b',
        '_a',
        'a/_blobs',
        'a%2fb',
        '-',
        `${'a'.repeat(256)}`,
      ]) {
        assert.equal(codeOf(await call('GET', `/v2/${name}/tags/list`)), '400 NAME_INVALID', name);
        assert.equal(codeOf(await call('POST', `/v2/${name}/blobs/uploads/`)), '400 NAME_INVALID', name);
      }
      assert.equal(codeOf(await call('GET', '/v2/a/manifests/..')), '404 MANIFEST_UNKNOWN');
      assert.equal(codeOf(await call('GET', '/v2/a/blobs/sha256:..')), '400 DIGEST_INVALID');
      assert.equal(codeOf(await call('GET', '/v2/a/blobs/uploads/..')), '404 BLOB_UPLOAD_UNKNOWN');
    }));

  test('serves any store', async () => {
    const spool = await temporaryDirectory();
    try {
      const store = new MemoryStore();
      const call = callerOf(
        registryHandler(
          repositoriesFrom(() => store, spool),
          new UploadSessions(spool),
        ),
      );
      const image = await pushImage(call, 'a', 'v1');
      assert.equal(await store.exists(image.descriptors.layer), true);
      await store.push(image.descriptors.layer, contentFromBytes(image.layer));
      assert.ok(
        (await call('GET', `/v2/a/blobs/${image.descriptors.layer.digest}`)).body.equals(image.layer),
      );
      assert.deepEqual(await readdir(spool), []);
    } finally {
      await rm(spool, { recursive: true, force: true });
    }
  });
});
