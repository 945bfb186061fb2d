import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest, type DigestAlgorithm, finishDigest, hexOf } from '../../lib/digest.ts';
import { abortReason, failure, throwIfAborted } from '../../lib/errors.ts';
import { openRegular } from '../../lib/open-regular.ts';
import { livenessOf, processToken } from '../../lib/process-identity.ts';
import { fileChunkBytes, readableOf } from '../content.ts';
import type { IoOptions } from '../store.ts';
import { type Expected, isVerifiedAs, verified } from '../verify.ts';
import { makeDirectory, syncEntries } from './durable-directory.ts';
import { HashingFile } from './hashing-file.ts';
import { namesIn } from './names-in.ts';
import { isMissing, storeFailure } from './store-failure.ts';

/** Temporary files of processes that nobody here can judge are swept after this. */
const foreignFileMillis = 24 * 60 * 60 * 1000;

/** Where blobs lie in a directory that is no OCI layout. */
export interface BlobPlaces {
  /** A directory on the same file system, for files in the making. */
  readonly ingest: string;
  path(digest: Digest): string;
}

/**
 * `blobs/<algorithm>/<hex>` of an OCI image layout (image-layout.md), with `ingest/` beside it for files in the making. A blob appears
 * whole, verified, synced and read-only, or not at all, whichever process is killed when.
 */
export class BlobDirectory {
  readonly root: string;
  readonly #ingest: string;
  readonly #places: BlobPlaces | undefined;

  constructor(root: string, places?: BlobPlaces) {
    this.root = root;
    this.#places = places;
    this.#ingest = places?.ingest ?? join(root, 'ingest');
  }

  path(digest: Digest): string {
    return this.#places?.path(digest) ?? join(this.root, 'blobs', algorithmOf(digest), hexOf(digest));
  }

  /** Makes the directories, and clears what killed processes left in `ingest/`. */
  async prepare(): Promise<void> {
    await makeDirectory(join(this.root, 'blobs', 'sha256'));
    await makeDirectory(this.#ingest);
    await sweepLeftovers(this.#ingest);
  }

  /** A path in `ingest/` that nobody else uses and that is swept when this process is gone. */
  temporaryPath(): string {
    return join(this.#ingest, processToken());
  }

  /** Bytes, or undefined when there is no such blob. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeFailure('read', digest, error);
    }
  }

  /**
   * As `size`, and the blob's change time is now: whoever collects garbage sees that it is in use. What somebody else owns, or a read-only
   * file system holds, stays as it is; nobody who may not touch a blob may rely on it under a lease either.
   */
  async touch(digest: Digest): Promise<number | undefined> {
    const path = this.path(digest);
    try {
      const { size, mtime } = await stat(path);
      await utimes(path, new Date(), mtime).catch((error: NodeJS.ErrnoException) => {
        if (!['EPERM', 'EACCES', 'EROFS'].includes(error.code ?? '')) throw error;
      });
      return size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeFailure('read', digest, error);
    }
  }

  /** Bytes and when it was last written or touched, in milliseconds since 1970 by the file system's clock. */
  async status(digest: Digest): Promise<{ size: number; changed: number } | undefined> {
    try {
      const { size, ctimeMs } = await stat(this.path(digest));
      return { size, changed: ctimeMs };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeFailure('read', digest, error);
    }
  }

  async read(expected: Expected, options: IoOptions = {}): Promise<Readable> {
    return await readVerified(this.path(expected.digest), expected, options);
  }

  /** Not verified: a part has no digest. */
  async readRange(
    expected: Expected,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await readPart(this.path(expected.digest), expected.digest, offset, length, options);
  }

  /** Stores what `source` gives; CONTENT_INVALID, and nothing is stored, when that is not what was expected. */
  async write(
    source: Readable,
    options: IoOptions & { expected?: Expected; algorithm?: DigestAlgorithm } = {},
  ): Promise<Expected> {
    const { expected, signal } = options;
    const algorithm = expected ? algorithmOf(expected.digest) : (options.algorithm ?? 'sha256');
    const onAbort = (): void => {
      if (signal) source.destroy(abortReason(signal));
    };
    // It may break before the file is open: the iterator below throws that, a bare event would end the process.
    source.on('error', () => {});
    let file: HashingFile | undefined;
    try {
      throwIfAborted(signal);
      signal?.addEventListener('abort', onAbort, { once: true });
      const path = this.temporaryPath();
      file =
        expected && isVerifiedAs(source, expected)
          ? await HashingFile.createVerified(path, expected.digest)
          : await HashingFile.create(path, algorithm);
      await file.appendAll(source, (bytes) => {
        if (expected && bytes > expected.size) throw wrong(expected, `more than ${expected.size} bytes`);
      });
      throwIfAborted(signal);
      const found = { digest: file.digest(), size: file.bytes };
      if (expected) compare(expected, found);
      await file.seal();
      await this.#place(file.path, found.digest);
      return found;
    } catch (error) {
      if (file) await rm(file.path, { force: true });
      throw storeFailure('store', expected?.digest ?? this.root, error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await file?.close();
      source.destroy();
    }
  }

  /**
   * Takes over a whole file of the same file system by renaming it (of another: by a copy). Its bytes are read and held against
   * `expected` unless `verified` says that the digest was computed while they were written.
   */
  async adopt(
    path: string,
    expected: Expected,
    options: IoOptions & { verified?: boolean } = {},
  ): Promise<void> {
    try {
      throwIfAborted(options.signal);
      const found = await syncedFile(path, options.verified ? undefined : algorithmOf(expected.digest));
      compare(expected, { digest: found.digest ?? expected.digest, size: found.size });
      await this.#place(path, expected.digest);
    } catch (error) {
      throw storeFailure('take over', path, error);
    }
  }

  /** False when it was not there. */
  async remove(digest: Digest): Promise<boolean> {
    try {
      await rm(this.path(digest));
    } catch (error) {
      if (isMissing(error)) return false;
      throw storeFailure('delete', digest, error);
    }
    await syncEntries(dirname(this.path(digest)));
    return true;
  }

  async *digests(): AsyncIterable<Digest> {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const name of await namesIn(join(this.root, 'blobs', algorithm))) yield `${algorithm}:${name}`;
    }
  }

  async #place(path: string, digest: Digest): Promise<void> {
    const target = this.path(digest);
    if (algorithmOf(digest) !== 'sha256') await makeDirectory(dirname(target));
    try {
      await rename(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      const copy = this.temporaryPath();
      await copyFile(path, copy);
      await syncedFile(copy, undefined);
      await rename(copy, target);
      await rm(path, { force: true });
    }
    await syncEntries(dirname(target));
  }
}

/** A file's content as `expected` says: NOT_FOUND without the file, CONTENT_INVALID when a byte differs. */
export async function readVerified(
  path: string,
  expected: Expected,
  options: IoOptions = {},
): Promise<Readable> {
  const handle = await openFile(path, expected.digest, options);
  const source = handle.createReadStream({ highWaterMark: fileChunkBytes });
  return verified(source, expected, {
    ...options,
    sourceError: (error) => storeFailure('read', expected.digest, error),
  });
}

export async function readPart(
  path: string,
  thing: string,
  offset: number,
  length: number,
  options: IoOptions = {},
): Promise<Readable> {
  const handle = await openFile(path, thing, options);
  if (length <= 0) {
    await handle.close();
    return readableOf(Buffer.alloc(0));
  }
  return handle.createReadStream({ start: offset, end: offset + length - 1, highWaterMark: fileChunkBytes });
}

async function openFile(path: string, thing: string, options: IoOptions): Promise<FileHandle> {
  throwIfAborted(options.signal);
  try {
    return await openRegular(path);
  } catch (error) {
    throw storeFailure('read', thing, error);
  }
}

async function syncedFile(
  path: string,
  algorithm: DigestAlgorithm | undefined,
): Promise<{ digest?: Digest; size: number }> {
  // Not through a symbolic link: the rename that follows would take the link, not the file.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    let digest: Digest | undefined;
    if (algorithm) {
      const hash = createHash(algorithm);
      for await (const chunk of handle.createReadStream({
        autoClose: false,
        highWaterMark: fileChunkBytes,
      })) {
        hash.update(chunk as Buffer);
      }
      digest = finishDigest(hash, algorithm);
    }
    await handle.chmod(0o444);
    await handle.sync();
    return digest ? { digest, size } : { size };
  } finally {
    await handle.close();
  }
}

/** Removes files that are named by `processToken` of a process that is gone. A file that another sweep removed first is no error. */
export async function sweepLeftovers(directory: string, prefix = ''): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix)) continue;
    const liveness = livenessOf(name.slice(prefix.length));
    if (liveness === undefined || liveness === 'alive') continue;
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined);
    if (!status || (liveness === 'unknown' && Date.now() - status.mtimeMs < foreignFileMillis)) continue;
    await rm(path, { force: true, recursive: true });
  }
}

function compare(expected: Expected, found: Expected): void {
  if (found.size !== expected.size) throw wrong(expected, `it has ${found.size} bytes, not ${expected.size}`);
  if (found.digest !== expected.digest) throw wrong(expected, `its bytes have the digest ${found.digest}`);
}

function wrong(expected: Expected, what: string): Error {
  return failure('CONTENT_INVALID', 'store', expected.digest, what);
}
