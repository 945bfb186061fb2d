import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { finishDigest } from '../lib/digest.ts';
import { abortReason, failure, reasonOf, throwIfAborted } from '../lib/errors.ts';
import type { Layer } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { type BytePath, baseNameOf, displayPath, joinBytePath, parentOf } from './byte-path.ts';
import { type EntryHeader, opaqueWhiteout, whiteoutPrefix } from './entry.ts';
import { LayerTree } from './layer-tree.ts';
import { ParallelGzip } from './parallel-gzip.ts';
import { blockBytes, encodeHeader, paddingOf } from './tar-header.ts';
import type { Toc } from './toc.ts';

/** Where a file's bytes come from. `fd` is read from its start and stays open; `file` is opened, read and closed, links not followed. */
export type EntryContent =
  | Uint8Array
  | { readonly fd: number }
  | { readonly file: string | Buffer }
  | Readable;

export interface LayerWriterOptions {
  /** gzip level, 0–9. Default 6. */
  level?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface WrittenLayer extends Layer {
  readonly toc: Toc;
}

/** A link or a pipe that takes the file's place meanwhile is not followed, and does not hang. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Compressed bytes gathered before a write. */
const outputBytes = 1024 * 1024;

/**
 * Writes a layer to a file, entry after entry, and hashes it on the way, before and after compression. The same entries give the same
 * bytes. Reads files with synchronous calls, many to a turn of the event loop, and compresses on libuv's threads: in a worker or in the
 * keeper it blocks nobody; on the main thread it stops the event loop for some milliseconds at a time.
 *
 *     const writer = await LayerWriter.create(path, { signal });
 *     try {
 *       await writer.add({ path: 'a', type: 'file', size: 2, … }, Buffer.from('hi'));
 *       const { descriptor, diffId, toc } = await writer.finish();
 *     } catch (error) { await writer.abandon(); throw error; }
 */
export class LayerWriter {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #gzip: ParallelGzip;
  readonly #tarHash = createHash('sha256');
  readonly #blobHash = createHash('sha256');
  readonly #tree: LayerTree;
  readonly #fd: number;
  readonly #tar = Buffer.allocUnsafeSlow(outputBytes);
  #tarLength = 0;
  #output: Buffer[] = [];
  #outputLength = 0;
  #size = 0;
  #state: 'open' | 'finished' | 'closed' = 'open';

  private constructor(path: string, fd: number, options: LayerWriterOptions) {
    this.#path = path;
    this.#signal = options.signal;
    this.#gzip = new ParallelGzip((bytes) => this.#collect(bytes), options);
    this.#tree = new LayerTree({ source: path });
    this.#fd = fd;
  }

  /** `path` must not exist. Whoever creates the writer ends it with `finish` or `abandon`. STORE when it cannot be made. */
  static async create(path: string, options: LayerWriterOptions = {}): Promise<LayerWriter> {
    try {
      return new LayerWriter(path, openSync(path, 'wx', 0o644), options);
    } catch (error) {
      throw failure('STORE', 'write layer', path, reasonOf(error), { cause: error });
    }
  }

  get path(): string {
    return this.#path;
  }

  /**
   * Appends an entry; for a file exactly `size` bytes of content must come. Await the result before the next call. STORE when a source cannot
   * be read, CONTENT_INVALID when it has another size (it was changed while it was read).
   */
  async add(header: EntryHeader, content?: EntryContent): Promise<void> {
    if (baseNameOf(header.path).startsWith(whiteoutPrefix)) {
      throw failure(
        'UNSUPPORTED',
        'pack',
        displayPath(header.path),
        'in a layer that name would remove another file',
        {
          hint: `rename it: names that start with ${whiteoutPrefix} are whiteouts`,
        },
      );
    }
    await this.#put(header, content);
  }

  async #put(header: EntryHeader, content?: EntryContent): Promise<void> {
    throwIfAborted(this.#signal);
    const size = header.type === 'file' ? header.size : 0;
    const entry: EntryHeader = { ...header, size, mtime: Math.floor(header.mtime), mtimeNs: undefined };
    this.#tree.apply(entry);
    let wait = this.#append(encodeHeader(entry));
    if (wait !== undefined) await wait;
    if (size === 0) return;
    if (content === undefined) throw this.#wrongSize(header, 0);
    if (content instanceof Uint8Array) {
      if (content.length !== size) throw this.#wrongSize(header, content.length);
      wait = this.#append(Buffer.from(content.buffer, content.byteOffset, content.length));
      if (wait !== undefined) await wait;
    } else if ('fd' in content) await this.#appendFd(header, content.fd);
    else if ('file' in content) await this.#appendFile(header, content.file);
    else await this.#appendStream(header, content);
    wait = this.#append(zeros.subarray(0, paddingOf(size)));
    if (wait !== undefined) await wait;
  }

  /** The path of the layers below is gone (OCI image-spec, layer.md, "Whiteouts"). */
  async addWhiteout(path: BytePath): Promise<void> {
    await this.#put(marker(joinBytePath(parentOf(path), whiteoutPrefix + baseNameOf(path))));
  }

  /** What the layers below have in this directory, which has an entry of its own, is hidden. */
  async addOpaque(directory: BytePath): Promise<void> {
    await this.#put(marker(joinBytePath(directory, opaqueWhiteout)));
  }

  /** The file is complete and synced. It stays where it is. */
  async finish(): Promise<WrittenLayer> {
    throwIfAborted(this.#signal);
    const wait = this.#append(Buffer.alloc(2 * blockBytes));
    if (wait !== undefined) await wait;
    await this.#flushTar();
    await this.#gzip.finish();
    this.#flushOutput();
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      throw failure('STORE', 'write layer', this.#path, reasonOf(error), { cause: error });
    }
    this.#state = 'finished';
    closeSync(this.#fd);
    return {
      descriptor: {
        mediaType: mediaTypes.ociLayerGzip,
        digest: finishDigest(this.#blobHash),
        size: this.#size,
      },
      diffId: finishDigest(this.#tarHash),
      toc: this.#tree.toc(),
    };
  }

  /** Closes and removes the file; nothing once it was finished. */
  async abandon(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }

  async #appendFile(header: EntryHeader, file: string | Buffer): Promise<void> {
    let fd: number;
    try {
      fd = openSync(file, readFlags);
    } catch (error) {
      throw failure('STORE', 'read', displayPath(header.path), reasonOf(error), { cause: error });
    }
    try {
      await this.#appendFd(header, fd);
    } finally {
      closeSync(fd);
    }
  }

  async #appendFd(header: EntryHeader, fd: number): Promise<void> {
    let at = 0;
    while (at < header.size) {
      const space = Math.min(this.#tar.length - this.#tarLength, header.size - at);
      let count: number;
      try {
        count = readSync(fd, this.#tar, this.#tarLength, space, at);
      } catch (error) {
        throw failure('STORE', 'read', displayPath(header.path), reasonOf(error), { cause: error });
      }
      if (count === 0) throw this.#wrongSize(header, at);
      at += count;
      this.#tarLength += count;
      if (this.#tarLength < this.#tar.length) continue;
      const wait = this.#flushTar();
      if (wait !== undefined) await wait;
      if (this.#signal?.aborted) throw abortReason(this.#signal);
    }
    // Small files were measured by whoever made the header a moment ago; a growing big one would tear between the two.
    if (header.size >= outputBytes && fstatSync(fd).size !== header.size)
      throw this.#wrongSize(header, fstatSync(fd).size);
  }

  async #appendStream(header: EntryHeader, stream: Readable): Promise<void> {
    let count = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer | string>) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        count += bytes.length;
        if (count > header.size) break;
        const wait = this.#append(bytes);
        if (wait !== undefined) await wait;
        if (this.#signal?.aborted) throw abortReason(this.#signal);
      }
    } finally {
      stream.destroy();
    }
    if (count !== header.size) throw this.#wrongSize(header, count);
  }

  #append(bytes: Buffer): Promise<void> | undefined {
    if (bytes.length <= this.#tar.length - this.#tarLength) {
      bytes.copy(this.#tar, this.#tarLength);
      this.#tarLength += bytes.length;
      return this.#tarLength === this.#tar.length ? this.#flushTar() : undefined;
    }
    return this.#appendPieces(bytes);
  }

  async #appendPieces(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(this.#tar, this.#tarLength, at);
      at += copied;
      this.#tarLength += copied;
      if (this.#tarLength === this.#tar.length) {
        const wait = this.#flushTar();
        if (wait !== undefined) await wait;
      }
    }
  }

  #flushTar(): Promise<void> | undefined {
    const bytes = this.#tar.subarray(0, this.#tarLength);
    this.#tarLength = 0;
    this.#tarHash.update(bytes);
    return this.#gzip.push(bytes);
  }

  #collect(bytes: Buffer): void {
    this.#output.push(bytes);
    this.#outputLength += bytes.length;
    if (this.#outputLength >= outputBytes) this.#flushOutput();
  }

  #flushOutput(): void {
    const pieces = this.#output;
    this.#output = [];
    this.#outputLength = 0;
    try {
      for (const bytes of pieces) {
        this.#blobHash.update(bytes);
        this.#size += bytes.length;
        for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      }
    } catch (error) {
      throw failure('STORE', 'write layer', this.#path, reasonOf(error), { cause: error });
    }
  }

  #wrongSize(header: EntryHeader, found: number) {
    return failure(
      'CONTENT_INVALID',
      'pack',
      displayPath(header.path),
      `it has ${found} bytes where ${header.size} were expected`,
      { hint: 'it was changed while it was read: try again' },
    );
  }
}

const zeros = Buffer.alloc(512);

function marker(path: BytePath): EntryHeader {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
}
