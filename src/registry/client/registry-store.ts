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
  Store,
  TagLister,
} from '../../content/store.ts';
import { verified } from '../../content/verify.ts';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { isTag } from '../../oci/reference.ts';
import { locationOf, type UploadLocation, uploadBlob } from './blob-upload.ts';
import { byteRange } from './byte-range.ts';
import { discard, type HttpResponse } from './http.ts';
import { getManifest, putManifest, resolveManifest, suffixOf } from './manifest-requests.ts';
import { listReferrers } from './referrers.ts';
import type { RepositorySession } from './repository-session.ts';
import { resumingDownload } from './resuming-download.ts';
import { listTags } from './tag-list.ts';

/** Manifests whose bytes are kept: what was just pushed or read is tagged or read next. */
const keptManifests = 16;

/** One repository of a registry over its HTTP API (OCI distribution-spec 1.1). References are tags and digests. */
export class RegistryStore
  implements Store, DocumentResolver, Mounter, RangeReader, TagLister, ReferrerLister, Deleter, NamedPusher
{
  readonly registry: string;
  readonly repository: string;
  readonly #session: RepositorySession;
  readonly #manifests = new Map<Digest, Buffer>();
  /** What `exists` just denied: the push that follows does not ask again. */
  readonly #absent = new Set<Digest>();
  /** Uploads that a refused mount began. */
  readonly #started = new Map<Digest, UploadLocation>();

  constructor(session: RepositorySession) {
    this.#session = session;
    this.registry = session.registry;
    this.repository = session.repository;
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    const identifier = this.#identifier(reference, 'resolve');
    const found = await resolveManifest(this.#session, identifier, options);
    if (!('bytes' in found)) return found;
    this.#keep(found.descriptor.digest, found.bytes);
    return found.descriptor;
  }

  async resolveDocument(reference: string, options: IoOptions = {}): Promise<ResolvedDocument> {
    const found = await getManifest(this.#session, this.#identifier(reference, 'resolve'), options);
    this.#keep(found.descriptor.digest, found.bytes);
    return found;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    if (isDocumentType(descriptor.mediaType)) {
      const bytes = await this.#manifest(descriptor, options);
      return verified(await contentFromBytes(bytes).open(), descriptor, options);
    }
    const reopen = (offset: number): Promise<HttpResponse> =>
      this.#getBlob(descriptor, { ...options, offset });
    const source = resumingDownload(await reopen(0), descriptor, {
      ...options,
      reopen,
      onEvent: this.#session.onEvent,
      pace: this.#session.pace,
      attempts: this.#session.attempts,
    });
    return verified(source, descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    const end = Math.min(offset + length, descriptor.size);
    if (end <= offset) return Readable.from([]);
    const response = await this.#getBlob(descriptor, { ...options, offset, end });
    return byteRange(response, descriptor, { ...options, offset, end });
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    const kind = isDocumentType(descriptor.mediaType) ? 'manifests' : 'blobs';
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
    const started = this.#started.get(digest);
    this.#started.delete(digest);
    if (!this.#absent.delete(digest) && started === undefined && (await this.exists(descriptor, options)))
      return;
    this.#absent.delete(digest);
    if (!isDocumentType(descriptor.mediaType)) {
      await uploadBlob(this.#session, descriptor, content, { ...options, started });
      return;
    }
    this.#checkSize(descriptor);
    const bytes = await collect(verified(await content.open(0, options), descriptor, options));
    await putManifest(this.#session, descriptor, bytes, digest, options);
    this.#keep(digest, bytes);
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    const identifier = this.#identifier(reference, 'tag');
    const bytes = await this.#manifest(descriptor, options);
    await putManifest(this.#session, descriptor, bytes, identifier, options);
  }

  async pushNamed(document: ResolvedDocument, reference: string, options: IoOptions = {}): Promise<void> {
    const { descriptor, bytes } = document;
    const identifier = this.#identifier(reference, 'push');
    this.#checkSize(descriptor);
    await putManifest(this.#session, descriptor, bytes, identifier, options);
    this.#keep(descriptor.digest, bytes);
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
    if (response.status === 202) this.#started.set(descriptor.digest, locationOf(this.#session, response));
    return false;
  }

  listTags(options: IoOptions = {}): AsyncIterable<string> {
    return listTags(this.#session, options);
  }

  /** By the referrers API; by its fallback tag where the registry has no such API (distribution-spec, "Unavailable Referrers API"). */
  listReferrers(digest: Digest, options: IoOptions = {}): AsyncIterable<Descriptor> {
    return listReferrers(this.#session, digest, options);
  }

  async delete(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    const kind = isDocumentType(descriptor.mediaType) ? 'manifests' : 'blobs';
    const response = await this.#session.call({
      method: 'DELETE',
      at: `${kind}/${descriptor.digest}`,
      actions: ['delete'],
      signal: options.signal,
    });
    if (response.status < 200 || response.status > 299) {
      throw await this.#session.fail(response, 'delete', `@${descriptor.digest}`);
    }
    discard(response);
    this.#manifests.delete(descriptor.digest);
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
    throw await this.#session.fail(
      response,
      'fetch',
      `@${descriptor.digest}`,
      'the repository has no such blob',
    );
  }

  async #manifest(descriptor: Descriptor, options: IoOptions): Promise<Buffer> {
    this.#checkSize(descriptor);
    const kept = this.#manifests.get(descriptor.digest);
    if (kept) return kept;
    const { bytes } = await getManifest(this.#session, descriptor.digest, options);
    this.#keep(descriptor.digest, bytes);
    return bytes;
  }

  #keep(digest: Digest, bytes: Buffer): void {
    const [oldest] = this.#manifests.keys();
    if (this.#manifests.size >= keptManifests && oldest !== undefined) this.#manifests.delete(oldest);
    this.#manifests.set(digest, bytes);
  }

  #checkSize(descriptor: Descriptor): void {
    if (descriptor.size <= maxMetadataBytes) return;
    const what = `${descriptor.size} bytes, more than the ${maxMetadataBytes} of a manifest`;
    throw failure('LIMIT', 'transfer manifest', `${this.#session.name}@${descriptor.digest}`, what);
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
