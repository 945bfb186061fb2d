import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finishDigest } from '../lib/digest.ts';
import { failure, throwIfAborted } from '../lib/errors.ts';
import type { Descriptor, Layer } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { type BytePath, baseNameOf, displayPath, joinBytePath, parentOf } from './byte-path.ts';
import { type EntryHeader, opaqueWhiteout, whiteoutPrefix } from './entry.ts';
import { ParallelGzip } from './parallel-gzip.ts';
import { blockBytes, encodeHeader, paddingOf } from './tar-header.ts';
import type { Toc, TocEntry } from './toc.ts';

/** Small entries are gathered into chunks of this size before they are hashed and compressed. */
const chunkBytes = 1024 * 1024;

/** A file's bytes: whole, or as a stream of exactly the header's size. */
export type EntryContent = Buffer | Readable;

export interface LayerWriterOptions {
  signal?: AbortSignal | undefined;
  /** zlib level. Default 6. */
  level?: number;
}

export interface WrittenLayer extends Layer {
  readonly toc: Toc;
}

/** Writes one layer, entry by entry in the order given, as a gzip-compressed tar; the file is synced when `finish` resolves. */
export class LayerWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #signal: AbortSignal | undefined;
  readonly #gzip: ParallelGzip;
  readonly #tarHash = createHash('sha256');
  readonly #blobHash = createHash('sha256');
  readonly #entries: TocEntry[] = [];
  readonly #whiteouts: BytePath[] = [];
  readonly #opaque: BytePath[] = [];
  #chunk = Buffer.allocUnsafe(chunkBytes);
  #used = 0;
  #blobBytes = 0;

  private constructor(path: string, file: FileHandle, options: LayerWriterOptions) {
    this.#path = path;
    this.#file = file;
    this.#signal = options.signal;
    this.#gzip = new ParallelGzip(
      async (bytes) => {
        this.#blobHash.update(bytes);
        this.#blobBytes += bytes.length;
        await this.#file.writeFile(bytes);
      },
      options.level === undefined ? {} : { level: options.level },
    );
  }

  /** `path` must not exist. Whoever creates the writer ends it with `finish` or `abandon`. */
  static async create(path: string, options: LayerWriterOptions = {}): Promise<LayerWriter> {
    return new LayerWriter(path, await open(path, 'wx', 0o644), options);
  }

  async add(entry: EntryHeader, content?: EntryContent): Promise<void> {
    throwIfAborted(this.#signal);
    await this.#put(encodeHeader(entry));
    this.#entries.push(entry);
    if (entry.type !== 'file' || entry.size === 0) return;
    const written = content === undefined ? 0 : await this.#content(content);
    if (written !== entry.size) {
      throw failure(
        'CONTENT_INVALID',
        'pack',
        displayPath(entry.path),
        `${written} bytes instead of ${entry.size}`,
        {
          hint: 'the file changed while it was read: run the build again',
        },
      );
    }
    await this.#put(Buffer.alloc(paddingOf(entry.size)));
  }

  /** The path of the layers below is gone (OCI image-spec, layer.md, "Whiteouts"). */
  async addWhiteout(path: BytePath): Promise<void> {
    const name = `${whiteoutPrefix}${baseNameOf(path)}`;
    await this.#put(encodeHeader(marker(joinBytePath(parentOf(path), name))));
    this.#whiteouts.push(path);
  }

  /** What the layers below have in this directory is hidden. */
  async addOpaque(directory: BytePath): Promise<void> {
    await this.#put(encodeHeader(marker(joinBytePath(directory, opaqueWhiteout))));
    this.#opaque.push(directory);
  }

  async finish(): Promise<WrittenLayer> {
    await this.#put(Buffer.alloc(2 * blockBytes));
    await this.#flush();
    await this.#gzip.end();
    await this.#file.sync();
    await this.#file.close();
    const descriptor: Descriptor = {
      mediaType: mediaTypes.ociLayerGzip,
      digest: finishDigest(this.#blobHash),
      size: this.#blobBytes,
    };
    return {
      descriptor,
      diffId: finishDigest(this.#tarHash),
      toc: { entries: this.#entries, whiteouts: this.#whiteouts, opaque: this.#opaque },
    };
  }

  /** Closes the file; the caller removes it. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  get path(): string {
    return this.#path;
  }

  async #content(content: EntryContent): Promise<number> {
    if (Buffer.isBuffer(content)) {
      await this.#put(content);
      return content.length;
    }
    let written = 0;
    for await (const piece of content) {
      throwIfAborted(this.#signal);
      written += (piece as Buffer).length;
      await this.#put(piece as Buffer);
    }
    return written;
  }

  async #put(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const count = bytes.copy(this.#chunk, this.#used, offset);
      this.#used += count;
      offset += count;
      if (this.#used === chunkBytes) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const chunk = this.#chunk.subarray(0, this.#used);
    this.#tarHash.update(chunk);
    // The compressor keeps the chunk until its blocks are done: it gets this one, the next entries a new one.
    this.#chunk = Buffer.allocUnsafe(chunkBytes);
    this.#used = 0;
    await this.#gzip.add(chunk);
  }
}

/** An empty file of the fixed shape that whiteouts have. */
function marker(path: BytePath): EntryHeader {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
}
