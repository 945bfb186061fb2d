import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileChunkBytes, readableOf } from '../../content/content.ts';
import { HashingFile } from '../../content/layout/hashing-file.ts';
import { isMissing } from '../../content/layout/store-failure.ts';
import { type Digest, type DigestAlgorithm, digestOf, finishDigest } from '../../lib/digest.ts';
import { RegistryError } from './registry-error.ts';

/** An upload that got no byte for so long is given up. */
const idleUploadMillis = 24 * 60 * 60 * 1000;
/** Uploads that may be open at once: each costs a hash state and a file. */
const maxOpenUploads = 10_000;

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Uploads in the making: a file each, hashed as it grows. A broken connection leaves what had come; a restarted server hashes the file
 * again and goes on. File names are `<repository's hash>-<id>`, so that an id of one repository is none in another.
 */
export class UploadSessions {
  readonly #directory: string;
  readonly #sessions = new Map<string, UploadSession>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  begin(repository: string): UploadSession {
    if (this.#sessions.size >= maxOpenUploads)
      throw new RegistryError('TOOMANYREQUESTS', 'too many uploads are open');
    const id = randomUUID();
    return this.#keep(id, this.#path(repository, id), createHash('sha256'), 0);
  }

  /** BLOB_UPLOAD_UNKNOWN when there is no such upload in this repository. */
  async find(repository: string, id: string): Promise<UploadSession> {
    if (!idPattern.test(id)) throw unknownUpload();
    const path = this.#path(repository, id);
    const known = this.#sessions.get(path);
    if (known) return known;
    try {
      const { size } = await stat(path);
      const hash = await hashFile(path, 'sha256');
      return this.#sessions.get(path) ?? this.#keep(id, path, hash, size);
    } catch (error) {
      if (isMissing(error)) throw unknownUpload();
      throw error;
    }
  }

  /** Removes uploads that were idle for too long. */
  async expire(now = Date.now()): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      const status = await stat(path).catch(() => undefined);
      if (!status || now - status.mtimeMs < idleUploadMillis || this.#sessions.get(path)?.isBusy) continue;
      this.#sessions.delete(path);
      await rm(path, { force: true });
    }
    for (const [path, session] of this.#sessions) {
      if (!session.isBusy && now - session.touched > idleUploadMillis) this.#sessions.delete(path);
    }
  }

  #keep(id: string, path: string, hash: Hash, bytes: number): UploadSession {
    const session = new UploadSession(id, path, { hash, bytes }, () => this.#sessions.delete(path));
    this.#sessions.set(path, session);
    return session;
  }

  #path(repository: string, id: string): string {
    return join(
      this.#directory,
      `${digestOf(repository).slice('sha256:'.length, 'sha256:'.length + 16)}-${id}`,
    );
  }
}

export class UploadSession {
  readonly id: string;
  readonly path: string;
  /** Milliseconds since the epoch of the last request. */
  touched = Date.now();
  readonly #forget: () => void;
  #state: { hash: Hash; bytes: number };
  #exists: boolean;
  #ended: true | undefined;
  #current: { stop: () => void; done: Promise<void> } | undefined;

  constructor(id: string, path: string, state: { hash: Hash; bytes: number }, forget: () => void) {
    this.id = id;
    this.path = path;
    this.#state = state;
    this.#exists = state.bytes > 0;
    this.#forget = forget;
  }

  get bytes(): number {
    return this.#state.bytes;
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /**
   * Runs one request that changes the upload. A request that is still under way is stopped first: its client, having come again, is gone
   * from that connection even if the server has not been told.
   */
  async exclusively<T>(body: Readable, work: () => Promise<T>): Promise<T> {
    while (this.#current) {
      this.#current.stop();
      await this.#current.done;
    }
    if (this.#ended) throw unknownUpload();
    const done = Promise.withResolvers<void>();
    this.#current = { stop: () => body.destroy(), done: done.promise };
    this.touched = Date.now();
    try {
      return await work();
    } finally {
      this.#current = undefined;
      done.resolve();
    }
  }

  /** Appends what the body gives. When it breaks, what had come stays, and the error is thrown. BLOB_UPLOAD_UNKNOWN when the disk lost some of it. */
  async append(body: Readable, check?: (bytes: number) => void): Promise<void> {
    const file = this.#exists
      ? await HashingFile.resume(this.path, this.#state)
      : await HashingFile.create(this.path);
    this.#exists = true;
    if (file === undefined) {
      await this.end();
      throw unknownUpload();
    }
    try {
      await file.appendAll(body, check);
    } finally {
      await file.close();
      this.#state = { hash: file.hash, bytes: file.bytes };
      this.touched = Date.now();
    }
  }

  /** The digest of everything that came. The upload takes nothing more after it. */
  async digest(algorithm: DigestAlgorithm): Promise<Digest> {
    if (!this.#exists) await this.append(readableOf(Buffer.alloc(0)));
    if (algorithm === 'sha256') return finishDigest(this.#state.hash);
    return finishDigest(await hashFile(this.path, algorithm), algorithm);
  }

  /** Ends the upload; its file is removed unless a store took it. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#forget();
    if (this.#exists) await rm(this.path, { force: true });
  }
}

function unknownUpload(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', 'no such upload');
}

async function hashFile(path: string, algorithm: DigestAlgorithm): Promise<Hash> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: fileChunkBytes }))
    hash.update(chunk as Buffer);
  return hash;
}
