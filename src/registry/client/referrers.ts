import { parseDocument } from '../../content/document.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { digestOf } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { referrersTag } from '../../oci/referrers-tag.ts';
import { discard } from './http.ts';
import { getManifest, putManifest } from './manifest-requests.ts';
import { Pages } from './next-page.ts';
import type { RepositorySession } from './repository-session.ts';

/** How often a fallback index is written again when another client's writing came between. */
const fallbackTries = 4;

/**
 * What names `subject` as its subject, page by page (distribution-spec, "Listing Referrers"). A registry without that API answers 404, or
 * 400, 403, 405, 406, or a page of its web site: then the index is read that clients keep under the fallback tag.
 */
export async function* listReferrers(
  session: RepositorySession,
  subject: Digest,
  options: IoOptions,
): AsyncIterable<Descriptor> {
  const action = 'list referrers of';
  const pages = new Pages(session, action, session.url(`referrers/${subject}`));
  for (let page = 0; pages.next !== undefined; page++) {
    const { response, bytes } = await session.readWhole(
      {
        method: 'GET',
        at: pages.next,
        actions: ['pull'],
        headers: { accept: mediaTypes.ociIndex },
        signal: options.signal,
      },
      maxMetadataBytes,
    );
    const { status, headers } = response;
    if (status !== 200 || !(headers['content-type'] ?? '').startsWith(mediaTypes.ociIndex)) {
      if (page > 0 || ![200, 400, 403, 404, 405, 406].includes(status)) {
        throw await session.fail(response, action, `@${subject}`);
      }
      if (status !== 200) discard(response);
      yield* (await fallbackIndex(session, subject, options)) ?? [];
      return;
    }
    if (bytes === undefined) {
      throw failure('LIMIT', action, session.name, `a page is larger than ${maxMetadataBytes} bytes`);
    }
    yield* entriesOf(bytes, `${session.name}@${subject}`);
    pages.turn(response);
  }
}

function entriesOf(bytes: Buffer, thing: string): readonly Descriptor[] {
  const document = parseDocument(bytes, thing);
  if (document.kind !== 'index')
    throw failure('REGISTRY', 'list referrers of', thing, 'its answer is no index');
  return document.index.manifests;
}

/** Undefined where there is none. Some registries resolve the tag to the subject itself (GitLab): only an OCI index that is not the subject counts. */
async function fallbackIndex(
  session: RepositorySession,
  subject: Digest,
  options: IoOptions,
): Promise<readonly Descriptor[] | undefined> {
  try {
    const { descriptor, bytes } = await getManifest(session, referrersTag(subject), options);
    if (descriptor.digest === subject || descriptor.mediaType !== mediaTypes.ociIndex) return undefined;
    return entriesOf(bytes, `${session.name}@${subject}`);
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/**
 * Writes the fallback index with or without one referrer, unless it says so already. Reads it again afterwards: registries have no way to
 * write only what nobody changed meanwhile.
 */
export async function updateFallback(
  session: RepositorySession,
  subject: Digest,
  change: { add: Descriptor } | { remove: Digest },
  options: IoOptions,
): Promise<void> {
  const digest = 'add' in change ? change.add.digest : change.remove;
  for (let attempt = 1; ; attempt++) {
    const before = await fallbackIndex(session, subject, options);
    const listed = before?.some((entry) => entry.digest === digest) ?? false;
    if (listed === 'add' in change) return;
    if (attempt > fallbackTries) {
      throw failure(
        'REGISTRY',
        'list as referrer',
        `${session.name}@${digest}`,
        'other clients overwrite the list',
      );
    }
    const rest = (before ?? []).filter((entry) => entry.digest !== digest);
    const manifests = 'add' in change ? [...rest, change.add] : rest;
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    );
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    await putManifest(session, descriptor, bytes, referrersTag(subject), options);
  }
}
