import type { IoOptions } from '../../content/store.ts';
import { isFailure, type PolyarchError, reasonOf } from '../../lib/errors.ts';
import { type Action, scopeOf } from './auth/scope.ts';
import type { Endpoint } from './endpoint.ts';
import type { OnRegistryEvent } from './events.ts';
import { describeRequest, discard, type HttpRequest, type HttpResponse, type Send } from './http.ts';
import { limits } from './limits.ts';
import { registryFailure } from './registry-failure.ts';
import { backoff, sleep } from './retry.ts';
import type { UploadRecords } from './uploads/upload-records.ts';
import { readBody } from './watched-body.ts';

export interface SessionOptions {
  readonly repository: string;
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Factor of every wait. Default 1. */
  readonly pace?: number | undefined;
  /** Tries of one request or transfer without progress. Default `limits.attempts`. */
  readonly attempts?: number | undefined;
  /** Where unfinished uploads are remembered. Default nowhere. */
  readonly uploads?: UploadRecords | undefined;
  /** Shared by a registry's repositories. */
  readonly habits?: UploadHabits | undefined;
}

/** What was learnt of a registry's uploads. */
export interface UploadHabits {
  /** A blob goes in chunks of so many bytes: it takes no larger request. */
  chunkBytes?: number;
}

export interface Call extends IoOptions {
  readonly method: HttpRequest['method'];
  /** Below the repository's own path: `manifests/latest`. A URL where the registry named one. */
  readonly at: string | URL;
  readonly actions: readonly Action[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest['body'];
  /** Repositories that this request reads from besides its own. */
  readonly reads?: readonly string[];
}

/** One repository of a registry: builds its URLs, scopes and failures, so that what speaks the protocol says only what it wants. */
export class RepositorySession {
  readonly repository: string;
  readonly endpoint: Endpoint;
  readonly onEvent: OnRegistryEvent | undefined;
  readonly pace: number;
  readonly attempts: number;
  readonly uploads: UploadRecords | undefined;
  readonly habits: UploadHabits;
  readonly #send: Send;

  constructor(options: SessionOptions) {
    this.repository = options.repository;
    this.endpoint = options.endpoint;
    this.onEvent = options.onEvent;
    this.pace = options.pace ?? 1;
    this.attempts = options.attempts ?? limits.attempts;
    this.uploads = options.uploads;
    this.habits = options.habits ?? {};
    this.#send = options.send;
  }

  /** As references have it. */
  get registry(): string {
    return this.endpoint.registry;
  }

  get name(): string {
    return `${this.registry}/${this.repository}`;
  }

  url(path: string): URL {
    return new URL(`/v2/${this.repository}/${path}`, this.endpoint.current);
  }

  call(call: Call): Promise<HttpResponse> {
    const { method, at, signal, headers, body } = call;
    const scopes = [
      scopeOf(this.repository, ...call.actions),
      ...(call.reads ?? []).map((repository) => scopeOf(repository, 'pull')),
    ];
    return this.#send({
      method,
      url: typeof at === 'string' ? this.url(at) : at,
      headers: headers ?? {},
      scopes,
      signal,
      body,
    });
  }

  /** Deletes what lies at `path`; `thing` is its name in messages, as for `fail`. */
  async delete(path: string, thing: string, options: IoOptions): Promise<void> {
    const { signal } = options;
    const response = await this.call({ method: 'DELETE', at: path, actions: ['delete'], signal });
    if (response.status < 200 || response.status > 299) throw await this.fail(response, 'delete', thing);
    discard(response);
  }

  /** `thing` is what follows the repository in messages: `:latest`, `@sha256:…`. */
  fail(response: HttpResponse, action: string, thing: string, missing?: string): Promise<PolyarchError> {
    return registryFailure(response, action, `${this.name}${thing}`, {
      registry: this.registry,
      ...(missing === undefined ? {} : { missing }),
    });
  }

  /**
   * Calls and reads the body of a 200, once more where it breaks in the middle. `bytes` is undefined when it is larger than `limit`. The body
   * of any other answer is the caller's.
   */
  async readWhole(call: Call, limit: number): Promise<{ response: HttpResponse; bytes: Buffer | undefined }> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.call(call);
      if (response.status !== 200) return { response, bytes: undefined };
      try {
        return { response, bytes: await readBody(response, limit, call.signal) };
      } catch (error) {
        if (attempt >= this.attempts || !isFailure(error, 'NETWORK') || !error.retryable) throw error;
        const delayMs = Math.round(backoff(attempt, this.pace));
        const request = describeRequest({ method: call.method, url: response.url });
        const reason = reasonOf(error);
        this.onEvent?.({ type: 'retry', registry: this.registry, request, attempt, delayMs, reason });
        await sleep(delayMs, call.signal);
      }
    }
  }
}
