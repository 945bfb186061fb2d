import { type Document, isDocumentType, parseDocument } from '../../content/document.ts';
import type { IoOptions } from '../../content/store.ts';
import { algorithmOf, type Digest, digestOf, isDigest, prepareHashing } from '../../lib/digest.ts';
import { failure, isFailure, PolyarchError } from '../../lib/errors.ts';
import { redactText, redactUrl } from '../../lib/redact.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { isIndexType, isManifestType, manifestMediaTypes } from '../../oci/media-types.ts';
import { discard, type HttpResponse } from './http.ts';
import { errorOf, missingRepositoryHint } from './registry-failure.ts';
import type { RepositorySession } from './repository-session.ts';

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

const accept = { accept: manifestMediaTypes.join(', ') };

/** `:latest` or `@sha256:…`: what follows the repository in messages. */
export function suffixOf(identifier: string): string {
  return isDigest(identifier) ? `@${identifier}` : `:${identifier}`;
}

/** HEAD first: it moves no bytes and Docker Hub does not count it. GET and hash when it says too little. */
export async function resolveManifest(
  session: RepositorySession,
  identifier: string,
  options: IoOptions,
): Promise<Descriptor | FetchedManifest> {
  const response = await session.call({
    method: 'HEAD',
    at: `manifests/${identifier}`,
    actions: ['pull'],
    headers: accept,
    signal: options.signal,
  });
  discard(response);
  if (response.status === 200) {
    const descriptor = descriptorOf(response, identifier);
    if (descriptor) return descriptor;
  }
  // A HEAD's failure has no text; the GET's has: a missing repository is not a missing tag.
  return await getManifest(session, identifier, options);
}

/** What a HEAD says, when it says all and contradicts nothing. */
function descriptorOf(response: HttpResponse, identifier: string): Descriptor | undefined {
  const digest = response.headers['docker-content-digest'];
  const size = response.headers['content-length'];
  const mediaType = contentType(response);
  if (typeof digest !== 'string' || !isDigest(digest) || size === undefined || !/^\d{1,12}$/.test(size))
    return undefined;
  if (!isDocumentType(mediaType) || Number(size) === 0) return undefined;
  if (isDigest(identifier) && identifier !== digest) return undefined;
  return { mediaType, digest, size: Number(size) };
}

function contentType(response: HttpResponse): string {
  return (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

async function missing(
  session: RepositorySession,
  identifier: string,
  response: HttpResponse,
): Promise<PolyarchError> {
  const thing = `${session.name}${suffixOf(identifier)}`;
  if ((await errorOf(response)).code === 'NAME_UNKNOWN') {
    const hint = missingRepositoryHint(session.registry);
    return failure('NOT_FOUND', 'resolve', thing, 'the registry has no such repository', { hint });
  }
  const what = isDigest(identifier) ? 'the repository has no such manifest' : 'no such tag';
  return failure('NOT_FOUND', 'resolve', thing, what, {
    hint: `polyarch tags ls ${session.name} shows what there is; to others than its users a private repository may look empty: polyarch login ${session.registry}`,
  });
}

/** The manifest's bytes and what they are. Verified against the digest that was asked for, else the one that the registry claims. */
export async function getManifest(
  session: RepositorySession,
  identifier: string,
  options: IoOptions,
): Promise<FetchedManifest> {
  const thing = `${session.name}${suffixOf(identifier)}`;
  const answer = session.readWhole(
    {
      method: 'GET',
      at: `manifests/${identifier}`,
      actions: ['pull'],
      headers: accept,
      signal: options.signal,
    },
    maxMetadataBytes,
  );
  prepareHashing();
  const { response, bytes } = await answer;
  if (response.status === 404) throw await missing(session, identifier, response);
  if (response.status !== 200) throw await session.fail(response, 'resolve', suffixOf(identifier));
  const hint = `curl -i ${redactUrl(response.url)} shows what answers there: the registry, or a proxy before it`;
  if (bytes === undefined) {
    throw failure('LIMIT', 'read manifest', thing, `larger than ${maxMetadataBytes} bytes`, { hint });
  }
  const claimed = response.headers['docker-content-digest'];
  const wanted: Digest | undefined = isDigest(identifier)
    ? identifier
    : typeof claimed === 'string' && isDigest(claimed)
      ? claimed
      : undefined;
  const digest = digestOf(bytes, wanted === undefined ? 'sha256' : algorithmOf(wanted));
  if (wanted !== undefined && digest !== wanted) {
    const what = `its digest is ${digest}, not ${wanted}`;
    throw failure('CONTENT_INVALID', 'read manifest', thing, what, { hint });
  }
  const mediaType = manifestTypeOf(bytes, contentType(response), thing, hint);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** The document tells what it is, since some registries answer text/plain; the header decides between the OCI and the Docker name. */
function manifestTypeOf(bytes: Buffer, header: string, thing: string, hint: string): string {
  const document = readAs(bytes, thing, hint);
  const body = document.kind === 'index' ? document.index : document.manifest;
  const fits = document.kind === 'index' ? isIndexType(header) : isManifestType(header);
  return body.mediaType === undefined && fits ? header : document.mediaType;
}

function readAs(bytes: Buffer, thing: string, hint: string): Document {
  try {
    return parseDocument(bytes, thing);
  } catch (error) {
    if (!isFailure(error) || error.hint !== undefined) throw error;
    throw new PolyarchError(error.code, error.message, { hint, cause: error });
  }
}

/** `listed`: the registry took notice of the manifest's subject (OCI-Subject), so that its list of referrers has it. */
export async function putManifest(
  session: RepositorySession,
  descriptor: Descriptor,
  bytes: Uint8Array,
  identifier: string,
  options: IoOptions,
): Promise<{ listed: boolean }> {
  const response = await session.call({
    method: 'PUT',
    at: `manifests/${identifier}`,
    actions: ['pull', 'push'],
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
    signal: options.signal,
  });
  if (response.status < 200 || response.status > 299) {
    throw await session.fail(response, 'push', suffixOf(identifier), 'the registry has no such repository');
  }
  discard(response);
  const stored = response.headers['docker-content-digest'];
  if (
    typeof stored === 'string' &&
    stored.startsWith('sha256:') &&
    algorithmOf(descriptor.digest) === 'sha256'
  ) {
    if (stored !== descriptor.digest) {
      throw failure(
        'CONTENT_INVALID',
        'push',
        `${session.name}${suffixOf(identifier)}`,
        `the registry stored it as ${redactText(stored, 80)}, not ${descriptor.digest}`,
      );
    }
  }
  return { listed: response.headers['oci-subject'] !== undefined };
}
