import { canDelete, canReadRange } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseByteRange } from './byte-range.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import { checkedDigest } from './names.ts';
import { RegistryError } from './registry-error.ts';
import type { Repositories } from './repositories.ts';

export const blobMediaType = 'application/octet-stream';

/** GET and HEAD /v2/<name>/blobs/<digest> (distribution-spec, "Pulling blobs"), with Range and If-None-Match. */
export async function getBlob(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const digest = checkedDigest(reference);
  const { signal } = request;
  const store = repositories.open(name);
  const size = await store.sizeOf(digest, { signal });
  if (size === undefined) throw new RegistryError('BLOB_UNKNOWN', 'no such blob in this repository');
  const headers = {
    'content-type': blobMediaType,
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
    'cache-control': 'max-age=31536000, immutable',
  };
  if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers };
  const descriptor: Descriptor = { mediaType: blobMediaType, digest, size };
  const ranged = canReadRange(store) ? store : undefined;
  const range = ranged && request.method === 'GET' ? parseByteRange(request.headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    throw new RegistryError('SIZE_INVALID', 'the range lies behind the end', {
      status: 416,
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  if (request.method === 'HEAD') return { status: 200, headers: { ...headers, 'content-length': size } };
  if (ranged && range) {
    const body = await ranged.fetchRange(descriptor, range.start, range.length, { signal });
    const contentRange = `bytes ${range.start}-${range.start + range.length - 1}/${size}`;
    return {
      status: 206,
      headers: { ...headers, 'content-length': range.length, 'content-range': contentRange },
      body,
    };
  }
  // Whoever pulls by digest verifies what arrives; bytes that were verified when they came in are not hashed again for each pull.
  const body = ranged
    ? await ranged.fetchRange(descriptor, 0, size, { signal })
    : await store.fetch(descriptor, { signal });
  return { status: 200, headers: { ...headers, 'content-length': size }, body };
}

/** DELETE /v2/<name>/blobs/<digest> */
export async function deleteBlob(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const digest = checkedDigest(reference);
  const store = repositories.open(name);
  if (!canDelete(store)) throw new RegistryError('UNSUPPORTED', 'this registry deletes nothing');
  const size = await store.sizeOf(digest, { signal: request.signal });
  if (size === undefined) throw new RegistryError('BLOB_UNKNOWN', 'no such blob in this repository');
  await store.delete({ mediaType: blobMediaType, digest, size }, { signal: request.signal });
  return { status: 202, headers: { 'content-length': 0, 'docker-content-digest': digest } };
}
