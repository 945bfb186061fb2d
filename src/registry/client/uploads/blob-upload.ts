import { readableOf } from '../../../content/content.ts';
import type { Content, IoOptions } from '../../../content/store.ts';
import { failure, isFailure, type PolyarchError, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { BodyError, describeRequest, discard, type HttpResponse, type StreamBody } from '../http.ts';
import { limits } from '../limits.ts';
import type { RepositorySession } from '../repository-session.ts';
import { backoff, isRetryable, retryDelay, sleep } from '../retry.ts';
import { ChunkReader } from './chunk-reader.ts';
import type { UploadKey, UploadRecords } from './upload-records.ts';
import { askUpload, movedUpload, rangeEnd, startUpload, type Upload } from './upload-session.ts';

export interface UploadOptions extends IoOptions {
  /** An upload that a refused mount began. */
  readonly started?: Upload | undefined;
}

/**
 * Sends one blob as POST and a single PUT, which every registry takes (distribution-spec, "Pushing a blob monolithically"); in chunks where
 * the answer is 413. When a request breaks, the upload is asked how much arrived and gets the rest; one that is gone begins anew. One that
 * another process left unfinished is gone on with.
 */
export async function uploadBlob(
  session: RepositorySession,
  descriptor: Descriptor,
  content: Content,
  options: UploadOptions,
): Promise<void> {
  await new BlobUpload(session, descriptor, content, options).run();
}

/** Why an attempt did not finish the upload, when another may. */
interface Trouble {
  readonly reason: string;
  /** Asked for by the registry. */
  readonly delayMs?: number | undefined;
  /** The same again is no use, something else is: at once, and not counted. */
  readonly changed?: true;
  failure(): Promise<PolyarchError>;
}

/** No bytes, and not repeated by others: the upload may be finished, and gone, though the answer never came. */
const nothing: StreamBody = { length: 0, open: async () => readableOf(Buffer.alloc(0)) };

class BlobUpload {
  readonly #session: RepositorySession;
  readonly #descriptor: Descriptor;
  readonly #content: Content;
  readonly #options: UploadOptions;
  readonly #thing: string;
  readonly #key: UploadKey;
  readonly #records: UploadRecords | undefined;

  constructor(session: RepositorySession, descriptor: Descriptor, content: Content, options: UploadOptions) {
    this.#session = session;
    this.#descriptor = descriptor;
    this.#content = content;
    this.#options = options;
    this.#thing = `@${descriptor.digest}`;
    this.#key = { repository: session.name, digest: descriptor.digest };
    // A small one is sent again sooner than it is asked about.
    this.#records = descriptor.size >= limits.rememberedUploadBytes ? session.uploads : undefined;
  }

  async run(): Promise<void> {
    const { attempts, pace } = this.#session;
    const { signal } = this.#options;
    let upload = (await this.#resumed()) ?? (await this.#begin(this.#options.started));
    let isAgain = upload.offset > 0;
    for (let failures = 0; ; ) {
      throwIfAborted(signal);
      const trouble = await this.#attempt(upload, isAgain);
      if (trouble === undefined) break;
      if (!trouble.changed) {
        failures++;
        if (failures >= attempts) throw await trouble.failure();
        await sleep(trouble.delayMs ?? backoff(failures, pace), signal);
      }
      const standing = await askUpload(this.#session, upload, this.#descriptor.size, this.#options);
      // What broke may have been the last answer.
      if (standing === undefined && (await this.#isStored())) break;
      // Tries count anew after progress: a large blob survives many breaks.
      if (standing !== undefined && standing.offset > upload.offset) failures = 0;
      upload = standing ?? (await this.#begin());
      isAgain = true;
      this.#tell(upload, trouble.reason);
    }
    await this.#records?.forget(this.#key);
  }

  async #begin(started?: Upload): Promise<Upload> {
    const upload = started ?? (await startUpload(this.#session, this.#options));
    await this.#records?.remember(this.#key, upload.location);
    return upload;
  }

  /** What another process left behind, as far as the registry knows of it. */
  async #resumed(): Promise<Upload | undefined> {
    const location = await this.#records?.recall(this.#key);
    if (location === undefined || !this.#session.endpoint.has(location)) return undefined;
    const left = { location, offset: 0, minChunk: 0 };
    try {
      const upload = await askUpload(this.#session, left, this.#descriptor.size, this.#options);
      if (upload) this.#tell(upload, 'another run was interrupted');
      return upload;
    } catch (error) {
      if (isFailure(error, 'INTERRUPTED')) throw error;
      return undefined;
    }
  }

  async #isStored(): Promise<boolean> {
    const response = await this.#session.call({
      method: 'HEAD',
      at: `blobs/${this.#descriptor.digest}`,
      actions: ['pull', 'push'],
      signal: this.#options.signal,
    });
    discard(response);
    return response.status === 200;
  }

  /** Undefined when the registry has the blob. `isAgain`: the upload may be gone by now. */
  async #attempt(upload: Upload, isAgain: boolean): Promise<Trouble | undefined> {
    let response: HttpResponse;
    try {
      response = await (this.#session.habits.chunkBytes === undefined
        ? this.#putRest(upload)
        : this.#sendChunks(upload, this.#session.habits.chunkBytes));
    } catch (error) {
      if (error instanceof BodyError) throw error.cause;
      if (!isFailure(error, 'NETWORK') || !error.retryable) throw error;
      return { reason: reasonOf(error), failure: async () => error };
    }
    const { status } = response;
    if (status === 201 || status === 204) {
      discard(response);
      return undefined;
    }
    if (status === 202) {
      discard(response);
      const what = 'the registry did not finish the upload (202)';
      throw failure('REGISTRY', 'push', `${this.#session.name}${this.#thing}`, what);
    }
    const fail = async (): Promise<PolyarchError> => {
      return await this.#session.fail(response, 'push', this.#thing);
    };
    const reason = `answered ${status}`;
    if (status === 413 && this.#sendLess(upload)) {
      discard(response);
      return { reason: `${reason}: going on in chunks`, changed: true, failure: fail };
    }
    // 404 and 416: the upload is gone, or stands elsewhere than it said.
    if (!isRetryable(status) && !(isAgain && [400, 404, 416].includes(status))) throw await fail();
    const delayMs = retryDelay(response, this.#session.pace);
    if (delayMs === 'too long') throw await fail();
    if (delayMs !== undefined) this.#tellWait(response, delayMs, reason);
    return { reason, delayMs, failure: fail };
  }

  async #putRest(upload: Upload): Promise<HttpResponse> {
    const { offset } = upload;
    const length = this.#descriptor.size - offset;
    return await this.#put(upload, {
      headers: offset > 0 ? { 'content-range': `${offset}-${this.#descriptor.size - 1}` } : {},
      body: length === 0 ? nothing : { length, open: () => this.#content.open(offset, this.#options) },
    });
  }

  /** The answer of the last PUT, or of a chunk that was not taken. */
  async #sendChunks(start: Upload, chunkBytes: number): Promise<HttpResponse> {
    const { size } = this.#descriptor;
    const largest = Math.min(Math.max(chunkBytes, start.minChunk), size);
    if (largest > limits.largestChunkBytes) {
      const what = `the registry wants chunks of ${start.minChunk} bytes, ${limits.largestChunkBytes} are sent at most`;
      throw failure('REGISTRY', 'push', `${this.#session.name}${this.#thing}`, what);
    }
    const reader = new ChunkReader(this.#content, this.#options);
    let upload = start;
    try {
      while (upload.offset < size) {
        const { offset } = upload;
        const length = Math.min(Math.max(chunkBytes, upload.minChunk), size - offset);
        const piece = await reader.read(offset, length);
        if (piece.length < length) {
          const what = `its content ended after ${offset + piece.length} of ${size} bytes`;
          throw failure('CONTENT_INVALID', 'send', this.#descriptor.digest, what);
        }
        const response = await this.#session.call({
          method: 'PATCH',
          at: upload.location,
          actions: ['pull', 'push'],
          headers: {
            'content-type': 'application/octet-stream',
            'content-range': `${offset}-${offset + length - 1}`,
          },
          // A stream is never repeated by others: only the registry knows whether a chunk arrived.
          body: { length, open: async () => readableOf(piece) },
          signal: this.#options.signal,
        });
        if (response.status < 200 || response.status > 299) return response;
        discard(response);
        // Fewer bytes than were sent may have been taken; some registries count one too many.
        const taken = Math.min(rangeEnd(response) ?? offset + length, offset + length);
        if (taken <= offset) {
          throw failure(
            'REGISTRY',
            'push',
            `${this.#session.name}${this.#thing}`,
            'the registry takes no chunks',
          );
        }
        upload = movedUpload(this.#session, upload, response, taken);
        await this.#records?.remember(this.#key, upload.location);
      }
    } finally {
      reader.close();
    }
    return await this.#put(upload, { headers: {}, body: nothing });
  }

  async #put(
    upload: Upload,
    { headers, body }: { headers: Record<string, string>; body: StreamBody },
  ): Promise<HttpResponse> {
    const url = new URL(upload.location);
    url.searchParams.set('digest', this.#descriptor.digest);
    return await this.#session.call({
      method: 'PUT',
      at: url,
      actions: ['pull', 'push'],
      headers: { 'content-type': 'application/octet-stream', ...headers },
      body,
      signal: this.#options.signal,
    });
  }

  /** Makes the registry's chunks smaller. False when they are as small as they may be: then it is not their size. */
  #sendLess({ minChunk }: Upload): boolean {
    const { habits } = this.#session;
    const least = Math.max(minChunk, limits.leastChunkBytes);
    const less = Math.floor(Math.min(habits.chunkBytes ?? limits.chunkBytes * 2, this.#descriptor.size) / 2);
    if (less < least && (habits.chunkBytes ?? this.#descriptor.size) <= least) {
      delete habits.chunkBytes;
      return false;
    }
    habits.chunkBytes = Math.max(less, least);
    return true;
  }

  #tell({ offset }: Upload, reason: string): void {
    const { digest } = this.#descriptor;
    this.#session.onEvent?.({ type: 'resume', direction: 'upload', digest, offset, reason });
  }

  #tellWait(response: HttpResponse, delayMs: number, reason: string): void {
    const { registry, onEvent } = this.#session;
    const request = describeRequest({ method: 'PUT', url: response.url });
    onEvent?.({ type: 'retry', registry, request, attempt: 1, delayMs, reason });
  }
}
