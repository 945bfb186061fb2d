import { type FileHandle, open, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { sniffCompression } from '../../archive/decompress.ts';
import type { EntryHeader } from '../../archive/entry.ts';
import { TarParser } from '../../archive/tar-parser.ts';
import { failure, isFailure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { refuseNamedPipe } from '../../lib/open-regular.ts';
import { readableOf } from '../content.ts';
import { storeFailure } from '../layout/store-failure.ts';
import type { IoOptions } from '../store.ts';
import { FilePart } from './file-part.ts';
import { spool } from './spool.ts';

/** Entries of one image archive: an image of 127 layers has some 400 in the oldest shape. */
const maxEntries = 200_000;
/** How much is read at once where headers follow each other. */
const headerBytes = 16 * 1024;
const maxLinks = 16;

/** Where an entry's content lies in the file, in bytes. */
export interface TarPlace {
  readonly offset: number;
  readonly size: number;
}

/**
 * A tar that is read in place: its headers are read once, contents are skipped and found again by their offsets. Compressed ones, and what
 * cannot be sought in (standard input), are first written to a file that is gone when it is closed.
 */
export class TarFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #files: ReadonlyMap<string, TarPlace>;
  readonly #links: ReadonlyMap<string, string>;

  private constructor(
    path: string,
    handle: FileHandle,
    entries: { files: ReadonlyMap<string, TarPlace>; links: ReadonlyMap<string, string> },
  ) {
    this.path = path;
    this.#handle = handle;
    this.#files = entries.files;
    this.#links = entries.links;
  }

  /** `path` may be `-`. NOT_FOUND without the file, ARCHIVE when it is no tar. */
  static async open(path: string, options: IoOptions = {}): Promise<TarFile> {
    throwIfAborted(options.signal);
    if (path === '-') return await TarFile.fromStream(process.stdin, 'standard input', options);
    let handle: FileHandle;
    try {
      refuseNamedPipe(path, await stat(path));
      handle = await open(path, 'r');
    } catch (error) {
      if (error instanceof PolyarchError) throw error;
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw failure(
        missing ? 'NOT_FOUND' : 'STORE',
        'open',
        path,
        missing ? 'no such file' : reasonOf(error),
        {
          cause: error,
          hint: missing ? 'name an archive that is there, or - for standard input' : undefined,
        },
      );
    }
    try {
      const status = await handle.stat();
      if (status.isDirectory()) throw failure('USAGE', 'open', path, 'it is a directory, not an archive');
      if (!status.isFile()) return await TarFile.fromStream(handle.createReadStream(), path, options);
      const start = Buffer.alloc(Math.min(4, status.size));
      await handle.read(start, 0, start.length, 0);
      if (sniffCompression(start) !== 'none') {
        return await TarFile.fromStream(handle.createReadStream({ start: 0 }), path, options);
      }
      return new TarFile(path, handle, await readHeaders(handle, path, options));
    } catch (error) {
      await handle.close();
      throw storeFailure('read', path, error);
    }
  }

  /** Compressed or not; it is read to its end first. */
  static async fromStream(source: Readable, name: string, options: IoOptions = {}): Promise<TarFile> {
    const handle = await spool(source, name, options);
    try {
      return new TarFile(name, handle, await readHeaders(handle, name, options));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Names of the files, in the archive's order. */
  names(): IterableIterator<string> {
    return this.#files.keys();
  }

  /** The file behind a name, or behind the links that lead to one; undefined when there is none. */
  find(name: string): TarPlace | undefined {
    let at = normalName(name);
    for (let links = 0; at !== undefined && links <= maxLinks; links++) {
      const place = this.#files.get(at);
      if (place) return place;
      at = this.#links.get(at);
    }
    return undefined;
  }

  /** Part of an entry's content; not verified. */
  stream(place: TarPlace, offset = 0, length = place.size - offset): Readable {
    const size = Math.min(length, place.size - offset);
    if (size <= 0) return readableOf(Buffer.alloc(0));
    const start = place.offset + offset;
    return new FilePart(this.#handle, start, size);
  }

  /** The whole of a small file. NOT_FOUND without it, LIMIT when it is larger than `limit`. */
  async read(name: string, limit: number): Promise<Buffer> {
    const place = this.find(name);
    if (!place) throw failure('NOT_FOUND', 'read', this.path, `the archive has no ${name}`);
    if (place.size > limit) {
      throw failure('LIMIT', 'read', this.path, `its ${name} has ${place.size} bytes, more than ${limit}`);
    }
    const bytes = Buffer.alloc(place.size);
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, place.offset);
    if (bytesRead < bytes.length)
      throw failure('ARCHIVE', 'read', this.path, 'it became shorter while it was read');
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function readHeaders(handle: FileHandle, path: string, options: IoOptions) {
  const files = new Map<string, TarPlace>();
  const links = new Map<string, string>();
  const parser = new TarParser(
    {
      entry(header, contentAt) {
        const name = normalName(header.path);
        if (name === undefined) return;
        // The last of equal names counts, as where an archive is extracted.
        files.delete(name);
        links.delete(name);
        const target = targetOf(header, name);
        if (target !== undefined) links.set(name, target);
        else if (header.type === 'file') files.set(name, { offset: contentAt, size: header.size });
      },
      data() {},
      end() {},
    },
    { source: path, limits: { maxEntries } },
  );
  const { size } = await handle.stat();
  const buffer = Buffer.alloc(headerBytes);
  for (let at = 0; at < size && !parser.ended; at += parser.skip()) {
    throwIfAborted(options.signal);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    try {
      parser.write(buffer.subarray(0, bytesRead));
    } catch (error) {
      if (at > 0 || !isFailure(error, 'ARCHIVE')) throw error;
      throw failure('ARCHIVE', 'read archive', path, 'it is no tar', {
        cause: error,
        hint: `file ${path} shows what it is`,
      });
    }
    at += bytesRead;
  }
  parser.close();
  for (const [name, place] of files) {
    if (place.offset + place.size > size) {
      throw failure('ARCHIVE', 'read archive', path, `it ends inside "${name.slice(0, 200)}"`);
    }
  }
  return { files, links };
}

/** Where a link leads inside the archive: a hard link from its root, a symbolic one from its own directory. */
function targetOf(header: EntryHeader, name: string): string | undefined {
  if (header.linkname === undefined) return undefined;
  return normalName(
    header.type === 'hardlink' ? header.linkname : posix.join(posix.dirname(name), header.linkname),
  );
}

/** `./a//b` is `a/b`; undefined for what leads out of the archive. */
function normalName(path: string): string | undefined {
  const name = posix.normalize(path).replace(/^\/+|\/+$/g, '');
  return name === '' || name === '.' || name === '..' || name.startsWith('../') ? undefined : name;
}
