import { isDescriptor, parseDocument } from '../../content/document.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { referrersTag } from '../../oci/referrers-tag.ts';
import { discard } from './http.ts';
import { limits } from './limits.ts';
import { getManifest } from './manifest-requests.ts';
import type { RepositorySession } from './repository-session.ts';
import { nextPage } from './tag-list.ts';

/**
 * What names `digest` as its subject, page by page (distribution-spec, "Listing Referrers"). A registry without that API answers 404, or
 * 400, 403, 405, 406, or a page of its web site: then the index behind the fallback tag is read.
 */
export async function* listReferrers(
  session: RepositorySession,
  digest: Digest,
  options: IoOptions,
): AsyncIterable<Descriptor> {
  let next: URL | undefined = session.url(`referrers/${digest}`);
  for (let page = 0; next !== undefined; page++) {
    if (page >= limits.tagPages) {
      throw failure('LIMIT', 'list referrers of', session.name, 'the registry’s pages have no end');
    }
    const response = await session.call({
      method: 'GET',
      at: next,
      actions: ['pull'],
      headers: { accept: mediaTypes.ociIndex },
      signal: options.signal,
    });
    const isIndex = (response.headers['content-type'] ?? '').startsWith(mediaTypes.ociIndex);
    if (response.status !== 200 || !isIndex) {
      if (page === 0 && (response.status === 200 || [400, 403, 404, 405, 406].includes(response.status))) {
        discard(response);
        yield* byFallbackTag(session, digest, options);
        return;
      }
      throw await session.fail(response, 'list referrers of', `@${digest}`);
    }
    const following = nextPage(response.headers.link, next, session, 'list referrers of');
    const bytes = await session.read(response, maxMetadataBytes);
    if (bytes === undefined) {
      throw failure(
        'LIMIT',
        'list referrers of',
        session.name,
        `a page is larger than ${maxMetadataBytes} bytes`,
      );
    }
    discard(response);
    yield* descriptorsOf(bytes, `${session.name}@${digest}`);
    next = following;
  }
}

/** Some registries resolve such a tag to the subject itself (GitLab): only an OCI index that is not the subject counts. */
async function* byFallbackTag(
  session: RepositorySession,
  digest: Digest,
  options: IoOptions,
): AsyncIterable<Descriptor> {
  try {
    const { descriptor, bytes } = await getManifest(session, referrersTag(digest), options);
    if (descriptor.digest === digest || descriptor.mediaType !== mediaTypes.ociIndex) return;
    yield* descriptorsOf(bytes, `${session.name}@${digest}`);
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND')) throw error;
  }
}

function descriptorsOf(bytes: Buffer, thing: string): readonly Descriptor[] {
  const document = parseDocument(bytes, thing);
  if (document.kind !== 'index')
    throw failure('REGISTRY', 'list referrers of', thing, 'its answer is no index');
  return document.index.manifests.filter(isDescriptor);
}
