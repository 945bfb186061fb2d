import { copyFile, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { isDescriptor, isDocumentType, parseDocument, parseObject } from '../../content/document.ts';
import { type BlobDirectory, readPart, readVerified } from '../../content/layout/blob-directory.ts';
import { makeDirectory, syncEntries } from '../../content/layout/durable-directory.ts';
import { namesIn } from '../../content/layout/names-in.ts';
import { isMissing, storeFailure } from '../../content/layout/store-failure.ts';
import { collect } from '../../content/read-manifest.ts';
import type { ReferrerDescriptor } from '../../content/referrer-descriptor.ts';
import { referrerOf } from '../../content/referrer-descriptor.ts';
import type {
  Adopter,
  Content,
  Deleter,
  IoOptions,
  RangeReader,
  ReferrerLister,
  SizeLookup,
  Store,
  TagLister,
  Untagger,
} from '../../content/store.ts';
import { algorithmOf, type Digest, hexOf, isDigest } from '../../lib/digest.ts';
import { failure, isFailure, throwIfAborted } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

type Kind = '_blobs' | '_manifests';

/**
 * One repository in a registry's root. Its blobs and manifests are hard links to the shared `blobs/`: what is not linked here does not
 * exist here, a mount is one link, and a shared blob without a link is garbage.
 *
 * `_blobs/<algorithm>/<hex>`, `_manifests/<algorithm>/<hex>` · `_tags/<tag>`: a digest · `_referrers/<subject hex>/<hex>`: a descriptor
 */
export class DiskRepository
  implements Store, RangeReader, TagLister, Deleter, Untagger, SizeLookup, Adopter, ReferrerLister
{
  readonly directory: string;
  readonly #blobs: BlobDirectory;

  constructor(directory: string, blobs: BlobDirectory) {
    this.directory = directory;
    this.#blobs = blobs;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    return await readVerified(this.#linkPath(kindOf(descriptor), descriptor.digest), descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await readPart(
      this.#linkPath(kindOf(descriptor), descriptor.digest),
      descriptor.digest,
      offset,
      length,
      options,
    );
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return await sizeAt(this.#linkPath('_blobs', digest));
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    throwIfAborted(options.signal);
    return (await sizeAt(this.#linkPath(kindOf(descriptor), descriptor.digest))) === descriptor.size;
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    if (await this.exists(descriptor, options)) return;
    const source = await content.open(0, options);
    await this.#blobs.write(source, { ...options, expected: descriptor });
    if (kindOf(descriptor) === '_blobs') return await this.#link('_blobs', descriptor.digest);
    const bytes = await collect(await this.#blobs.read(descriptor, options));
    const referrer = referrerOf(parseDocument(bytes, descriptor.digest), descriptor);
    if (referrer)
      await this.#write(
        this.#referrerPath(referrer.subject, descriptor.digest),
        JSON.stringify(referrer.descriptor),
      );
    await this.#link('_manifests', descriptor.digest);
  }

  async adopt(
    path: string,
    descriptor: Descriptor,
    options: IoOptions & { verified?: boolean } = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    if (
      options.verified &&
      (await this.#blobs.size(digest)) === size &&
      (await this.#linkFrom(this.#blobs.path(digest), digest))
    ) {
      await rm(path, { force: true });
      return;
    }
    await this.#blobs.adopt(path, descriptor, options);
    await this.#link('_blobs', digest);
  }

  /** False when the other repository has no such blob. */
  async mountFrom(other: DiskRepository, digest: Digest): Promise<boolean> {
    return await this.#linkFrom(other.#linkPath('_blobs', digest), digest);
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    throwIfAborted(options.signal);
    const digest = isDigest(reference) ? reference : await this.#tagged(reference);
    const path = this.#linkPath('_manifests', digest);
    const size = await sizeAt(path);
    if (size === undefined) throw failure('NOT_FOUND', 'resolve', reference, 'no such manifest');
    // Content never changes under a digest, so that its media type is read once.
    let mediaType = mediaTypes.get(digest);
    if (mediaType === undefined) {
      const bytes = await collect(await readVerified(path, { digest, size }, options));
      mediaType = parseDocument(bytes, digest).mediaType;
      if (mediaTypes.size >= maxKnownMediaTypes) mediaTypes.clear();
      mediaTypes.set(digest, mediaType);
    }
    return { mediaType, digest, size };
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    if (!(await this.exists(descriptor, options)) || kindOf(descriptor) !== '_manifests') {
      throw failure('NOT_FOUND', 'tag', reference, `no manifest ${descriptor.digest}`);
    }
    await this.#write(this.#tagPath(reference), descriptor.digest);
  }

  async untag(reference: string): Promise<void> {
    try {
      await rm(this.#tagPath(reference));
    } catch (error) {
      throw storeFailure('untag', reference, error);
    }
    await syncEntries(join(this.directory, '_tags'));
  }

  async *listTags(): AsyncIterable<string> {
    yield* await namesIn(join(this.directory, '_tags'));
  }

  async *listReferrers(digest: Digest): AsyncIterable<ReferrerDescriptor> {
    const directory = dirname(this.#referrerPath(digest, digest));
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      const text = await this.#referrer(path);
      const value = text && parseObject(text, path);
      if (isDescriptor(value) && (await this.exists(value))) yield value;
    }
  }

  async delete(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    const kind = kindOf(descriptor);
    const path = this.#linkPath(kind, descriptor.digest);
    if (!(await this.exists(descriptor, options)))
      throw failure('NOT_FOUND', 'delete', descriptor.digest, 'no such content');
    if (kind === '_manifests') await this.#forget(descriptor, options);
    await rm(path, { force: true });
    await syncEntries(dirname(path));
    // The last link but the shared one: a repository that links it at this very moment keeps its own.
    const shared = this.#blobs.path(descriptor.digest);
    const status = await stat(shared).catch(() => undefined);
    if (status?.nlink === 1) await rm(shared, { force: true });
  }

  /** Tags go before their manifest: a reader never finds a tag that points nowhere. */
  async #forget(descriptor: Descriptor, options: IoOptions): Promise<void> {
    for (const tag of await namesIn(join(this.directory, '_tags'))) {
      const digest = await this.#tagged(tag).catch((error: unknown) => {
        if (!isFailure(error, 'NOT_FOUND')) throw error;
      });
      if (digest === descriptor.digest) await rm(this.#tagPath(tag), { force: true });
    }
    const bytes = await collect(await this.fetch(descriptor, options));
    const referrer = referrerOf(parseDocument(bytes, descriptor.digest), descriptor);
    if (referrer) await rm(this.#referrerPath(referrer.subject, descriptor.digest), { force: true });
  }

  /** Undefined for one that was deleted meanwhile. */
  async #referrer(path: string): Promise<Buffer | undefined> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeFailure('list referrers in', this.directory, error);
    }
  }

  async #tagged(reference: string): Promise<Digest> {
    try {
      const digest = await readFile(this.#tagPath(reference), 'latin1');
      if (isDigest(digest)) return digest;
    } catch (error) {
      if (!isMissing(error)) throw storeFailure('resolve', reference, error);
    }
    throw failure('NOT_FOUND', 'resolve', reference, 'no such tag');
  }

  async #link(kind: Kind, digest: Digest): Promise<void> {
    if (await this.#linkFrom(this.#blobs.path(digest), digest, kind)) return;
    throw failure('STORE', 'store', digest, 'it was deleted while it was stored', { retryable: true });
  }

  /** False when there is nothing at `from`. */
  async #linkFrom(from: string, digest: Digest, kind: Kind = '_blobs'): Promise<boolean> {
    const path = this.#linkPath(kind, digest);
    try {
      await makeDirectory(dirname(path));
      await this.#linkOrCopy(from, path);
      await syncEntries(dirname(path));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw storeFailure('store', digest, error);
    }
  }

  /** A file has 65,000 names at most on ext4: the repositories after those get copies. */
  async #linkOrCopy(from: string, to: string): Promise<void> {
    try {
      await link(from, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return;
      if (code !== 'EMLINK') throw error;
      const copy = this.#blobs.temporaryPath();
      await copyFile(from, copy);
      await syncFile(copy);
      await rename(copy, to);
    }
  }

  /** Temporary files lie in the shared `ingest/`, where no list of tags shows them. */
  async #write(path: string, text: string): Promise<void> {
    const temporary = this.#blobs.temporaryPath();
    try {
      await makeDirectory(dirname(path));
      const handle = await open(temporary, 'wx', 0o644);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
      await syncEntries(dirname(path));
    } catch (error) {
      await rm(temporary, { force: true });
      throw storeFailure('store', path, error);
    }
  }

  #linkPath(kind: Kind, digest: Digest): string {
    return join(this.directory, kind, algorithmOf(digest), hexOf(digest));
  }

  /** Only what the registry validated as a tag gets here from a request; other callers are held to be no path. */
  #tagPath(tag: string): string {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(tag)) throw failure('USAGE', 'use tag', tag, 'not a tag');
    return join(this.directory, '_tags', tag);
  }

  #referrerPath(subject: Digest, digest: Digest): string {
    return join(
      this.directory,
      '_referrers',
      algorithmOf(subject),
      hexOf(subject),
      `${algorithmOf(digest)}-${hexOf(digest)}`,
    );
  }
}

const maxKnownMediaTypes = 10_000;
const mediaTypes = new Map<Digest, string>();

function kindOf(descriptor: Descriptor): Kind {
  return isDocumentType(descriptor.mediaType) ? '_manifests' : '_blobs';
}

async function sizeAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw storeFailure('read', path, error);
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
