import { contentFromBytes } from '../../content/content.ts';
import { type Document, parseDocument } from '../../content/document.ts';
import { canDelete, canUntag } from '../../content/store.ts';
import { algorithmOf, digestOf, isDigest } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import { checkedDigest, isTag } from './names.ts';
import { RegistryError } from './registry-error.ts';
import type { Repositories, RepositoryStore } from './repositories.ts';

/** Largest manifest that is taken: what clients may count on (distribution-spec, "Pushing Manifests"). */
const maxManifestBytes = 4 * 1024 * 1024;

/** GET and HEAD /v2/<name>/manifests/<tag or digest> */
export async function getManifest(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { signal } = request;
  const store = repositories.open(name);
  const descriptor = await resolve(store, reference, signal);
  const headers = {
    'content-type': descriptor.mediaType,
    'content-length': descriptor.size,
    'docker-content-digest': descriptor.digest,
    etag: `"${descriptor.digest}"`,
  };
  if (request.headers['if-none-match'] === headers.etag) {
    const { 'content-length': _length, ...rest } = headers;
    return { status: 304, headers: rest };
  }
  if (request.method === 'HEAD') return { status: 200, headers };
  return { status: 200, headers, body: await store.fetch(descriptor, { signal }) };
}

/** PUT /v2/<name>/manifests/<tag or digest> */
export async function putManifest(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { signal } = request;
  if (!isDigest(reference) && !isTag(reference)) {
    if (reference.includes(':')) checkedDigest(reference);
    throw new RegistryError('TAG_INVALID', 'not a tag', { status: 400 });
  }
  const bytes = await readManifestBody(request);
  const digest = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256');
  if (isDigest(reference) && digest !== reference) {
    throw new RegistryError('DIGEST_INVALID', `the manifest has the digest ${digest}`);
  }
  const document = checkedDocument(bytes, digest, request.headers['content-type']);
  const store = repositories.open(name);
  await checkReferences(store, document, signal);
  const descriptor = { mediaType: document.mediaType, digest, size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes), { signal });
  if (!isDigest(reference)) await store.tag(descriptor, reference, { signal });
  const { subject } = document.kind === 'index' ? document.index : document.manifest;
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/manifests/${digest}`,
      'docker-content-digest': digest,
      'content-length': 0,
      // Tells the client that it need not keep the fallback tag of the subject.
      ...(subject && 'listReferrers' in store ? { 'oci-subject': subject.digest } : {}),
    },
  };
}

/** DELETE /v2/<name>/manifests/<tag or digest>: a tag alone, or the manifest with all its tags */
export async function deleteManifest(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const { signal } = request;
  const store = repositories.open(name);
  const descriptor = await resolve(store, reference, signal);
  if (isDigest(reference)) {
    if (!canDelete(store)) throw new RegistryError('UNSUPPORTED', 'this registry deletes nothing');
    await store.delete(descriptor, { signal });
  } else {
    if (!canUntag(store)) throw new RegistryError('UNSUPPORTED', 'this registry deletes no tags');
    await store.untag(reference, { signal });
  }
  return { status: 202, headers: { 'content-length': 0 } };
}

async function resolve(store: RepositoryStore, reference: string, signal: AbortSignal): Promise<Descriptor> {
  if (!isDigest(reference) && !isTag(reference)) {
    if (reference.includes(':')) checkedDigest(reference);
    throw new RegistryError('MANIFEST_UNKNOWN', 'no such manifest');
  }
  try {
    return await store.resolve(reference, { signal });
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) throw new RegistryError('MANIFEST_UNKNOWN', 'no such manifest');
    throw error;
  }
}

async function readManifestBody(request: RegistryRequest): Promise<Buffer> {
  const tooLarge = () =>
    new RegistryError('SIZE_INVALID', `a manifest has ${maxManifestBytes} bytes at most`, { status: 413 });
  if (Number(request.headers['content-length'] ?? 0) > maxManifestBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not destroy the body: its connection still has to carry the answer.
  for await (const chunk of request.body.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > maxManifestBytes) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function checkedDocument(bytes: Buffer, digest: string, contentType: string | undefined): Document {
  let document: Document;
  try {
    document = parseDocument(bytes, digest);
  } catch (error) {
    if (isFailure(error)) throw new RegistryError('MANIFEST_INVALID', error.message);
    throw error;
  }
  const type = contentType?.split(';')[0]?.trim();
  if (type && type !== document.mediaType) {
    throw new RegistryError('MANIFEST_INVALID', `sent as ${type}, but it is ${document.mediaType}`);
  }
  return document;
}

/** A manifest may name only what is here. Layers that are fetched from elsewhere (`urls`) are excepted, and so is a subject. */
async function checkReferences(
  store: RepositoryStore,
  document: Document,
  signal: AbortSignal,
): Promise<void> {
  const wanted: readonly Descriptor[] =
    document.kind === 'index'
      ? document.index.manifests
      : [document.manifest.config, ...document.manifest.layers.filter((layer) => !layer.urls?.length)];
  const unique = [...new Map(wanted.map((descriptor) => [descriptor.digest, descriptor])).values()];
  for (let first = 0; first < unique.length; first += checksAtOnce) {
    const part = unique.slice(first, first + checksAtOnce);
    const there = await Promise.all(
      part.map((descriptor) => isThere(store, document.kind, descriptor, signal)),
    );
    const missing = part.find((_descriptor, position) => !there[position]);
    if (missing)
      throw new RegistryError('MANIFEST_BLOB_UNKNOWN', `${missing.digest} is not in this repository`);
  }
}

const checksAtOnce = 16;

async function isThere(
  store: RepositoryStore,
  kind: Document['kind'],
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind === 'manifest') return (await store.sizeOf(descriptor.digest, { signal })) === descriptor.size;
  return await store.resolve(descriptor.digest, { signal }).then(
    (found) => found.size === descriptor.size,
    (error: unknown) => {
      if (isFailure(error, 'NOT_FOUND')) return false;
      throw error;
    },
  );
}
