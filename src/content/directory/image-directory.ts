import { existsSync } from 'node:fs';
import { chmod, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../lib/digest.ts';
import { failure, throwIfAborted } from '../../lib/errors.ts';
import { readRegularWithin } from '../../lib/read-file-within.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { childrenOf, isDocumentType, parseDocument } from '../document.ts';
import { BlobDirectory, sweepLeftovers } from '../layout/blob-directory.ts';
import { makeDirectory } from '../layout/durable-directory.ts';
import { isMissing, storeFailure } from '../layout/store-failure.ts';
import { collect } from '../read-manifest.ts';
import type { Content, FileBacked, IoOptions, RangeReader, SizeLookup, Store } from '../store.ts';

const manifestName = 'manifest.json';
const versionName = 'version';
const ingestName = '.ingest';
/** containers/image, directory/directory_dest.go */
const version = 'Directory Transport Version: 1.1\n';
/** What skopeo, or this program, gave its name: blobs, manifests below an index, simple signatures. Nothing else is ever removed. */
const ownFile = /^(?:(?:[0-9a-f]{64}|[0-9a-f]{128})(?:\.manifest\.json|\.signature-\d+)?|signature-\d+)$/;

/**
 * One image in a directory as skopeo's `dir:` has it (containers/image, docs/containers-transports.5.md): `version`, the image in `manifest.json`, the
 * manifests below an index as `<hex>.manifest.json`, blobs as `<hex>`. The image has no name: what `tag` is told lasts as long as the object,
 * and `replace` makes an image the directory's.
 */
export class ImageDirectory implements Store, FileBacked, RangeReader, SizeLookup {
  readonly directory: string;
  readonly #blobs: BlobDirectory;
  readonly #manifests: BlobDirectory;
  readonly #tags = new Map<string, Descriptor>();
  #root: Descriptor | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    const ingest = join(directory, ingestName);
    this.#blobs = new BlobDirectory(directory, { ingest, path: (digest) => join(directory, hexOf(digest)) });
    this.#manifests = new BlobDirectory(directory, {
      ingest,
      path: (digest) => join(directory, `${hexOf(digest)}.manifest.json`),
    });
  }

  /**
   * Opens the image in `directory`; NOT_FOUND when there is none. With `create` it may be empty, or not there yet; a directory that holds anything
   * else is refused.
   */
  static async open(directory: string, options: { create?: boolean } = {}): Promise<ImageDirectory> {
    const opened = new ImageDirectory(directory);
    try {
      await opened.#read();
      if (options.create) await opened.#prepare();
      else if (opened.#root === undefined) {
        throw failure('NOT_FOUND', 'open', directory, 'no image in a directory: it has no manifest.json', {
          hint: `an OCI image layout is oci:${directory}`,
        });
      }
      return opened;
    } catch (error) {
      throw storeFailure('open', directory, error);
    }
  }

  /** The image that the directory holds; undefined in one that is still empty. */
  get root(): Descriptor | undefined {
    return this.#root;
  }

  async #read(): Promise<void> {
    const text = await this.#file(versionName);
    if (text !== undefined && !/^Directory Transport Version: 1\.[01]\n?$/.test(String(text))) {
      throw failure('UNSUPPORTED', 'open', this.directory, 'its file "version" is not that of skopeo’s dir:');
    }
    const bytes = await this.#file(manifestName);
    if (bytes === undefined) return;
    const { mediaType } = parseDocument(bytes, join(this.directory, manifestName));
    this.#root = { mediaType, digest: digestOf(bytes), size: bytes.length };
  }

  async #file(name: string): Promise<Buffer | undefined> {
    try {
      return await readRegularWithin(join(this.directory, name), maxMetadataBytes);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    await makeDirectory(this.directory);
    const names = await readdir(this.directory);
    if (names.length > 0 && !names.includes(versionName)) {
      throw failure('USAGE', 'write', this.directory, 'the directory has files that are of no image', {
        hint: 'name a directory that is empty or not there',
      });
    }
    await writeFileAtomic(join(this.directory, versionName), version);
    await makeDirectory(join(this.directory, ingestName));
    await sweepLeftovers(join(this.directory, ingestName));
  }

  blobPath(digest: Digest): string {
    if (digest === this.#root?.digest) return join(this.directory, manifestName);
    const manifest = this.#manifests.path(digest);
    return existsSync(manifest) ? manifest : this.#blobs.path(digest);
  }

  #placeOf(digest: Digest): BlobDirectory {
    const path = this.blobPath(digest);
    return new BlobDirectory(this.directory, { ingest: join(this.directory, ingestName), path: () => path });
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    return await this.#placeOf(descriptor.digest).read(descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await this.#placeOf(descriptor.digest).readRange(descriptor, offset, length, options);
  }

  async sizeOf(digest: Digest, options: IoOptions = {}): Promise<number | undefined> {
    throwIfAborted(options.signal);
    return await this.#placeOf(digest).size(digest);
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    return (await this.sizeOf(descriptor.digest, options)) === descriptor.size;
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    if (await this.exists(descriptor, options)) return;
    const place = isDocumentType(descriptor.mediaType) ? this.#manifests : this.#blobs;
    await place.write(await content.open(0, options), { ...options, expected: descriptor });
    // As skopeo leaves them: the directory is its user's to move and change.
    await chmod(place.path(descriptor.digest), 0o644);
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    const missing = (what: string) =>
      failure('NOT_FOUND', 'resolve', reference, `${what} in ${this.directory}`);
    if (!isDigest(reference)) {
      const found = this.#tags.get(reference);
      if (found) return found;
      throw missing('no such image');
    }
    if (reference === this.#root?.digest) return this.#root;
    const size = await this.sizeOf(reference, options);
    if (size === undefined || size > maxMetadataBytes) throw missing('no such manifest');
    const bytes = await collect(await this.#placeOf(reference).read({ digest: reference, size }, options));
    return { mediaType: parseDocument(bytes, reference).mediaType, digest: reference, size };
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    if (!(await this.exists(descriptor, options))) {
      throw failure('NOT_FOUND', 'tag', reference, `no content ${descriptor.digest} in ${this.directory}`);
    }
    this.#tags.set(reference, descriptor);
  }

  /** Makes `descriptor` the directory's image, and removes what only the one before it needed. Until then that one is whole. */
  async replace(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    try {
      const bytes = await collect(await this.fetch(descriptor, options));
      const keep = await this.#reached(bytes, options);
      await writeFileAtomic(join(this.directory, manifestName), bytes);
      const { mediaType, digest, size } = descriptor;
      this.#root = { mediaType, digest, size };
      for (const name of await readdir(this.directory)) {
        if (ownFile.test(name) && !keep.has(name)) await rm(join(this.directory, name), { force: true });
      }
      await this.close();
    } catch (error) {
      throw storeFailure('write', this.directory, error);
    }
  }

  /** Leaves no directory of ours behind, unless something is under way in it. */
  async close(): Promise<void> {
    await rmdir(join(this.directory, ingestName)).catch(() => {});
  }

  /** Names of the files below a manifest that is here. One that is not (a copy of some platforms) is nobody's. */
  async #reached(bytes: Buffer, options: IoOptions): Promise<Set<string>> {
    const names = new Set<string>();
    const pending = [bytes];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const child of childrenOf(parseDocument(next, this.directory))) {
        const document = isDocumentType(child.mediaType);
        const name = document ? `${hexOf(child.digest)}.manifest.json` : hexOf(child.digest);
        if (names.has(name)) continue;
        names.add(name);
        if (!document || !(await this.exists(child, options))) continue;
        const below = await collect(await this.fetch(child, options));
        if (child.digest === this.#root?.digest) await writeFileAtomic(join(this.directory, name), below);
        pending.push(below);
      }
    }
    return names;
  }
}
