import { Readable } from 'node:stream';
import { contentFromBytes } from '../../content/content.ts';
import { isDocumentType } from '../../content/document.ts';
import { collect } from '../../content/read-manifest.ts';
import type {
  Content,
  Deleter,
  DocumentResolver,
  IoOptions,
  Mounter,
  NamedPusher,
  RangeReader,
  ReferrerLister,
  ResolvedDocument,
  SizeLookup,
  Store,
  TagLister,
  Untagger,
} from '../../content/store.ts';
import { verified } from '../../content/verify.ts';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { manifestMediaTypes } from '../../oci/media-types.ts';
import { isTag } from '../../oci/reference.ts';
import { byteRange } from './byte-range.ts';
import { discard, type HttpResponse } from './http.ts';
import { suffixOf } from './manifest-requests.ts';
import { type RateLimit, rateLimitOf } from './rate-limit.ts';
import { listReferrers } from './referrers.ts';
import { RepositoryManifests } from './repository-manifests.ts';
import type { RepositorySession } from './repository-session.ts';
import { resumingDownload } from './resuming-download.ts';
import { listTags } from './tag-list.ts';
import { untag } from './untag.ts';
import { begunUpload, type Upload } from './uploads/upload-session.ts';

/** One repository of a registry over its HTTP API (OCI distribution-spec 1.1). References are tags and digests. */
export class RegistryStore
  implements
    Store,
    DocumentResolver,
    Mounter,
    NamedPusher,
    RangeReader,
    TagLister,
    ReferrerLister,
    SizeLookup,
    Deleter,
    Untagger
{
  readonly registry: string;
  readonly repository: string;
  readonly #session: RepositorySession;
  readonly #manifests: RepositoryManifests;
  /** What `exists` just denied: the push that follows does not ask again. */
  readonly #absent = new Set<Digest>();
  /** Uploads that a refused mount began. */
  readonly #started = new Map<Digest, Upload>();
  /** Under way: who comes meanwhile with the same digest waits for it. */
  readonly #pushes = new Map<Digest, Promise<void>>();

  constructor(session: RepositorySession) {
    this.#session = session;
    this.#manifests = new RepositoryManifests(session);
    this.registry = session.registry;
    this.repository = session.repository;
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    return await this.#manifests.resolve(this.#identifier(reference, 'resolve'), options);
  }

  async resolveDocument(reference: string, options: IoOptions = {}): Promise<ResolvedDocument> {
    return await this.#manifests.get(this.#identifier(reference, 'resolve'), options);
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    if (isDocumentType(descriptor.mediaType)) {
      const bytes = await this.#manifests.bytes(descriptor, options);
      return verified(await contentFromBytes(bytes).open(), descriptor, options);
    }
    return verified(await this.openBlob(descriptor, { ...options, from: 0 }), descriptor, options);
  }

  /** A blob's bytes from `from` on, over as many connections as it takes. Not verified: that needs the whole. */
  async openBlob(descriptor: Descriptor, options: IoOptions & { from: number }): Promise<Readable> {
    const { from, signal } = options;
    const reopen = (offset: number): Promise<HttpResponse> => this.#getBlob(descriptor, { signal, offset });
    const { onEvent, pace, attempts } = this.#session;
    const first = await reopen(from);
    return resumingDownload(first, descriptor, { signal, from, reopen, onEvent, pace, attempts });
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    const end = Math.min(offset + length, descriptor.size);
    if (end <= offset) return Readable.from([]);
    if (end === descriptor.size) return await this.openBlob(descriptor, { ...options, from: offset });
    const response = await this.#getBlob(descriptor, { ...options, offset, end });
    return byteRange(response, descriptor, { ...options, offset, end });
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    const kind = kindOf(descriptor);
    const response = await this.#session.call({
      method: 'HEAD',
      at: `${kind}/${descriptor.digest}`,
      actions: ['pull'],
      headers: kind === 'manifests' ? { accept: descriptor.mediaType } : {},
      signal: options.signal,
    });
    discard(response);
    if (response.status === 200) return true;
    if (response.status !== 404) throw await this.#session.fail(response, 'look up', `@${descriptor.digest}`);
    this.#absent.add(descriptor.digest);
    return false;
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    const { digest } = descriptor;
    // The failure of another's push is told to that other; this one then tries for itself.
    for (let other = this.#pushes.get(digest); other; other = this.#pushes.get(digest)) {
      if (await other.then(() => true).catch(() => false)) return;
    }
    const push = this.#push(descriptor, content, options);
    this.#pushes.set(digest, push);
    try {
      await push;
    } finally {
      this.#pushes.delete(digest);
    }
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    const identifier = this.#identifier(reference, 'tag');
    const bytes = await this.#manifests.bytes(descriptor, options);
    await this.#manifests.put(descriptor, bytes, identifier, options);
  }

  async pushNamed(document: ResolvedDocument, reference: string, options: IoOptions = {}): Promise<void> {
    const { descriptor, bytes } = document;
    const identifier = this.#identifier(reference, 'push');
    this.#manifests.checkSize(descriptor);
    await this.#manifests.put(descriptor, bytes, identifier, options);
  }

  async mount(descriptor: Descriptor, fromRepository: string, options: IoOptions = {}): Promise<boolean> {
    const query = new URLSearchParams({ mount: descriptor.digest, from: fromRepository });
    let response: HttpResponse;
    try {
      response = await this.#session.call({
        method: 'POST',
        at: `blobs/uploads/?${query}`,
        actions: ['pull', 'push'],
        reads: [fromRepository],
        body: new Uint8Array(),
        signal: options.signal,
      });
    } catch (error) {
      // A token for the other repository may be refused though one for this is given.
      if (isFailure(error, 'UNAUTHORIZED')) return false;
      throw error;
    }
    discard(response);
    if (response.status === 201) {
      this.#absent.delete(descriptor.digest);
      return true;
    }
    // 202: the registry does not mount and waits for the bytes instead.
    if (response.status === 202) this.#started.set(descriptor.digest, begunUpload(this.#session, response));
    return false;
  }

  listTags(options: IoOptions = {}): AsyncIterable<string> {
    return listTags(this.#session, options);
  }

  /** By the referrers API; by its fallback tag where the registry has no such API (distribution-spec, "Unavailable Referrers API"). */
  listReferrers(digest: Digest, options: IoOptions = {}): AsyncIterable<Descriptor> {
    return listReferrers(this.#session, digest, options);
  }

  async sizeOf(digest: Digest, options: IoOptions = {}): Promise<number | undefined> {
    const { signal } = options;
    const response = await this.#session.call({
      method: 'HEAD',
      at: `blobs/${digest}`,
      actions: ['pull'],
      signal,
    });
    discard(response);
    if (response.status === 404) return undefined;
    const length = response.headers['content-length'] ?? '';
    if (response.status === 200 && /^\d{1,15}$/.test(length)) return Number(length);
    throw await this.#session.fail(response, 'look up', `@${digest}`);
  }

  /** What the registry says of the pulls that it grants, undefined when it says nothing. Asking is no pull. */
  async rateLimit(reference: string, options: IoOptions = {}): Promise<RateLimit | undefined> {
    const response = await this.#session.call({
      method: 'HEAD',
      at: `manifests/${this.#identifier(reference, 'look up')}`,
      actions: ['pull'],
      headers: { accept: manifestMediaTypes.join(', ') },
      signal: options.signal,
    });
    discard(response);
    if (response.status === 200 || response.status === 429) return rateLimitOf(response);
    throw await this.#session.fail(response, 'look up', suffixOf(reference), 'no such tag');
  }

  async untag(reference: string, options: IoOptions = {}): Promise<void> {
    if (!isTag(reference)) {
      throw failure('USAGE', 'untag', `${this.#session.name}${suffixOf(reference)}`, 'it is no tag');
    }
    await untag(this.#session, reference, options);
  }

  async delete(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    if (kindOf(descriptor) === 'manifests') await this.#manifests.delete(descriptor, options);
    else await this.#session.delete(`blobs/${descriptor.digest}`, `@${descriptor.digest}`, options);
  }

  async #push(descriptor: Descriptor, content: Content, options: IoOptions): Promise<void> {
    const { digest } = descriptor;
    const started = this.#started.get(digest);
    this.#started.delete(digest);
    if (!this.#absent.delete(digest) && started === undefined && (await this.exists(descriptor, options)))
      return;
    this.#absent.delete(digest);
    if (kindOf(descriptor) === 'blobs') {
      const { uploadBlob } = await import('./uploads/blob-upload.ts');
      await uploadBlob(this.#session, descriptor, content, { ...options, started });
      return;
    }
    this.#manifests.checkSize(descriptor);
    const bytes = await collect(verified(await content.open(0, options), descriptor, options));
    await this.#manifests.put(descriptor, bytes, digest, options);
  }

  async #getBlob(
    descriptor: Descriptor,
    options: IoOptions & { offset: number; end?: number },
  ): Promise<HttpResponse> {
    const { offset, end, signal } = options;
    const range =
      offset > 0 || end !== undefined ? { range: `bytes=${offset}-${end === undefined ? '' : end - 1}` } : {};
    const response = await this.#session.call({
      method: 'GET',
      at: `blobs/${descriptor.digest}`,
      actions: ['pull'],
      headers: range,
      signal,
    });
    if (response.status === 200 || (response.status === 206 && 'range' in range)) return response;
    if (response.status === 416) {
      discard(response);
      const what = `the registry has nothing of it from byte ${offset} on, its descriptor says ${descriptor.size} bytes`;
      throw failure('CONTENT_INVALID', 'fetch', `${this.#session.name}@${descriptor.digest}`, what);
    }
    throw await this.#session.fail(
      response,
      'fetch',
      `@${descriptor.digest}`,
      'the repository has no such blob',
    );
  }

  #identifier(reference: string, action: string): string {
    if (isDigest(reference) || isTag(reference)) return reference;
    throw failure(
      'USAGE',
      action,
      `${this.#session.name}${suffixOf(reference)}`,
      'neither a tag nor a digest',
    );
  }
}

function kindOf(descriptor: Descriptor): 'manifests' | 'blobs' {
  return isDocumentType(descriptor.mediaType) ? 'manifests' : 'blobs';
}
