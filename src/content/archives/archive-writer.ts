import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { bytePathOf } from '../../archive/byte-path.ts';
import { blockBytes, encodeHeader, paddingOf } from '../../archive/tar-header.ts';
import { syncDirectory } from '../../lib/atomic-file.ts';
import { algorithmOf, type Digest, hexOf, isDigest } from '../../lib/digest.ts';
import { failure, throwIfAborted } from '../../lib/errors.ts';
import { processToken } from '../../lib/process-identity.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { readableOf } from '../content.ts';
import { isDocumentType, parseDocument } from '../document.ts';
import { refName, withoutName } from '../layout/layout-index.ts';
import { storeFailure } from '../layout/store-failure.ts';
import { collect } from '../read-manifest.ts';
import type { Content, IoOptions, RangeReader, SizeLookup, Store, TagLister } from '../store.ts';
import { verified } from '../verify.ts';
import { FilePart } from './file-part.ts';
import { temporaryFile, writeFully } from './spool.ts';

/** A blob's place in the file. It is taken before the first byte comes, since the size is known: several are written side by side. */
interface Region {
  readonly offset: number;
  readonly size: number;
  /** Settles when its bytes are there and right. */
  written: Promise<void>;
  whole: boolean;
}

/** What stands in the archive beside the blobs and index.json: `docker load`'s manifest.json, for one. */
export type ExtraFiles = (store: ArchiveWriter, options: IoOptions) => Promise<ReadonlyMap<string, Buffer>>;

export interface ArchiveWriterOptions {
  /** Annotations that name an image. Default: `org.opencontainers.image.ref.name`. */
  readonly annotate?: ((name: string) => Readonly<Record<string, string>>) | undefined;
  readonly extraFiles?: ExtraFiles | undefined;
}

/**
 * A new OCI image layout in a tar, as a store to copy into. Blobs go straight to their places in a file beside the target; `commit` adds
 * index.json, syncs and renames. Until then the target is what it was; without it nothing is left.
 */
export class ArchiveWriter implements Store, RangeReader, TagLister, SizeLookup {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Undefined for standard output, whose file has no name. */
  readonly #temporary: string | undefined;
  readonly #options: ArchiveWriterOptions;
  readonly #regions = new Map<Digest, Region>();
  readonly #tags = new Map<string, Descriptor>();
  readonly #unnamed = new Map<Digest, Descriptor>();
  #end = 0;
  #state: 'open' | 'closed' | 'committed' = 'open';

  private constructor(
    path: string,
    handle: FileHandle,
    temporary: string | undefined,
    options: ArchiveWriterOptions,
  ) {
    this.path = path;
    this.#handle = handle;
    this.#temporary = temporary;
    this.#options = options;
  }

  /** `path` may be `-`: then `commit` writes the archive to the stream that it is given. */
  static async create(path: string, options: ArchiveWriterOptions = {}): Promise<ArchiveWriter> {
    const temporary = path === '-' ? undefined : `${path}.${processToken()}.tmp`;
    try {
      if (temporary !== undefined) await refuseToReplace(path);
      const handle = temporary === undefined ? await temporaryFile() : await open(temporary, 'wx+', 0o644);
      const writer = new ArchiveWriter(path, handle, temporary, options);
      try {
        for (const directory of ['blobs', 'blobs/sha256']) {
          await writer.#append(header(directory, 'directory', 0));
        }
      } catch (error) {
        await writer.discard();
        throw error;
      }
      return writer;
    } catch (error) {
      throw storeFailure('create', path, error);
    }
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    const { digest, size } = descriptor;
    let region = this.#regions.get(digest);
    if (region?.size !== undefined && region.size !== size) {
      throw failure('CONTENT_INVALID', 'store', digest, `${region.size} bytes before, ${size} now`);
    }
    if (!region) {
      const head = header(blobName(digest), 'file', size);
      region = { offset: this.#end + head.length, size, written: Promise.resolve(), whole: false };
      this.#regions.set(digest, region);
      this.#end = region.offset + size + paddingOf(size);
      region.written = this.#fill(head, region, descriptor, content, options);
    } else if (!region.whole) {
      // Somebody else writes it, or failed to: then its place is filled once more.
      const mine = region;
      const head = header(blobName(digest), 'file', size);
      region.written = region.written.catch(() => this.#fill(head, mine, descriptor, content, options));
    }
    await region.written;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    throwIfAborted(options.signal);
    return verified(this.#read(descriptor.digest, 0, descriptor.size), descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    throwIfAborted(options.signal);
    return this.#read(descriptor.digest, offset, length);
  }

  async exists(descriptor: Descriptor): Promise<boolean> {
    return (await this.sizeOf(descriptor.digest)) === descriptor.size;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    const region = this.#regions.get(digest);
    return region?.whole ? region.size : undefined;
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    const missing = (what: string) => failure('NOT_FOUND', 'resolve', reference, `${what} in ${this.path}`);
    if (!isDigest(reference)) {
      const found = this.#tags.get(reference);
      if (found) return found;
      throw missing('no such image');
    }
    const size = await this.sizeOf(reference);
    if (size === undefined || size > maxMetadataBytes) throw missing('no such manifest');
    const bytes = await collect(await this.fetch({ mediaType: '', digest: reference, size }, options));
    return { mediaType: parseDocument(bytes, reference).mediaType, digest: reference, size };
  }

  async tag(descriptor: Descriptor, reference: string): Promise<void> {
    await this.#checkRoot(descriptor, reference);
    this.#tags.set(reference, withoutName(descriptor));
    this.#unnamed.delete(descriptor.digest);
  }

  /** An image that index.json lists without a name. */
  async list(descriptor: Descriptor): Promise<void> {
    await this.#checkRoot(descriptor, descriptor.digest);
    const named = [...this.#tags.values()].some(({ digest }) => digest === descriptor.digest);
    if (!named) this.#unnamed.set(descriptor.digest, withoutName(descriptor));
  }

  async *listTags(): AsyncIterable<string> {
    yield* this.#tags.keys();
  }

  /** The entries that index.json will have. */
  entries(): Descriptor[] {
    const annotate = this.#options.annotate ?? ((name) => ({ [refName]: name }));
    const named = [...this.#tags].map(([name, descriptor]) => ({
      ...descriptor,
      annotations: { ...descriptor.annotations, ...annotate(name) },
    }));
    return [...named, ...this.#unnamed.values()];
  }

  /** The names and what they point at. */
  tags(): ReadonlyMap<string, Descriptor> {
    return this.#tags;
  }

  /**
   * Makes the archive appear whole. That of `-` has no place to appear: `send` gets its bytes and their number, and the file is gone when it
   * returns.
   */
  async commit(
    options: IoOptions & { send?: (archive: Readable, size: number) => Promise<void> } = {},
  ): Promise<void> {
    throwIfAborted(options.signal);
    for (const [digest, region] of this.#regions) {
      if (!region.whole) throw failure('STORE', 'write', this.path, `${digest} was not written whole`);
    }
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: this.entries() };
    const extra = (await this.#options.extraFiles?.(this, options)) ?? new Map<string, Buffer>();
    try {
      for (const [name, bytes] of [
        ...extra,
        ['index.json', Buffer.from(JSON.stringify(index))] as const,
        ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')] as const,
      ]) {
        await this.#append(header(name, 'file', bytes.length), bytes, Buffer.alloc(paddingOf(bytes.length)));
      }
      await this.#append(Buffer.alloc(2 * blockBytes));
      if (this.#temporary === undefined) {
        await options.send?.(this.#stream(0, this.#end), this.#end);
        await this.#close();
        this.#state = 'committed';
        return;
      }
      await this.#handle.sync();
      await this.#close();
      await rename(this.#temporary, this.path);
      this.#state = 'committed';
      await syncDirectory(dirname(this.path));
    } catch (error) {
      throw storeFailure('write', this.path, error);
    }
  }

  /** Leaves nothing behind. After `commit` it changes nothing. */
  async discard(): Promise<void> {
    if (this.#state === 'committed') return;
    await Promise.allSettled([...this.#regions.values()].map((region) => region.written));
    if (this.#state === 'open') await this.#close();
    if (this.#temporary !== undefined) await rm(this.#temporary, { force: true });
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    await this.#handle.close();
  }

  async #append(...parts: Buffer[]): Promise<void> {
    for (const part of parts) {
      const at = this.#end;
      this.#end += part.length;
      await writeFully(this.#handle, part, at);
    }
  }

  async #fill(
    head: Buffer,
    region: Region,
    descriptor: Descriptor,
    content: Content,
    options: IoOptions,
  ): Promise<void> {
    const source = verified(await content.open(0, options), descriptor, options);
    try {
      let at = region.offset;
      // Nothing is awaited before the loop: a stream that breaks with nobody listening ends the process.
      for await (const chunk of source) {
        await writeFully(this.#handle, chunk as Buffer, at);
        at += (chunk as Buffer).length;
      }
      await writeFully(this.#handle, head, region.offset - head.length);
      await writeFully(this.#handle, Buffer.alloc(paddingOf(region.size)), at);
      region.whole = true;
    } catch (error) {
      throw storeFailure('store', descriptor.digest, error);
    } finally {
      source.destroy();
    }
  }

  #read(digest: Digest, offset: number, length: number): Readable {
    const region = this.#regions.get(digest);
    if (!region?.whole) throw failure('NOT_FOUND', 'read', digest, `no such content in ${this.path}`);
    const size = Math.min(length, region.size - offset);
    return size <= 0 ? readableOf(Buffer.alloc(0)) : this.#stream(region.offset + offset, size);
  }

  #stream(start: number, size: number): Readable {
    return new FilePart(this.#handle, start, size);
  }

  async #checkRoot(descriptor: Descriptor, reference: string): Promise<void> {
    if (!isDocumentType(descriptor.mediaType)) {
      const what = `${descriptor.mediaType} is neither a manifest nor an index`;
      throw failure('CONTENT_INVALID', 'tag', reference, what);
    }
    if (!(await this.exists(descriptor))) {
      throw failure('NOT_FOUND', 'tag', reference, `no content ${descriptor.digest} in ${this.path}`);
    }
  }
}

function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** The time is the epoch's: equal images, equal archives. */
function header(name: string, type: 'file' | 'directory', size: number): Buffer {
  const mode = type === 'file' ? 0o644 : 0o755;
  return encodeHeader({ path: bytePathOf(name), type, mode, uid: 0, gid: 0, size, mtime: 0 });
}

/** The archive takes the place of what had its name: that may be a file, no device, no FIFO, no directory. */
async function refuseToReplace(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined || status.isFile()) return;
  throw failure('USAGE', 'create', path, 'something lies there that is no file', {
    hint: 'name a file, or - for standard output',
  });
}
