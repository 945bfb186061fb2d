import type { IoOptions } from '../../content/store.ts';
import type { PolyarchError } from '../../lib/errors.ts';
import { type Action, scopeOf } from './auth/scope.ts';
import type { Endpoint } from './endpoint.ts';
import type { OnRegistryEvent } from './events.ts';
import { type HttpRequest, type HttpResponse, readBody, type Send } from './http.ts';
import { limits } from './limits.ts';
import { registryFailure } from './registry-failure.ts';

export interface SessionOptions {
  readonly repository: string;
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Factor of every wait. Default 1. */
  readonly pace?: number | undefined;
  /** Tries of one request or transfer without progress. Default `limits.attempts`. */
  readonly attempts?: number | undefined;
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
  readonly #send: Send;

  constructor(options: SessionOptions) {
    this.repository = options.repository;
    this.endpoint = options.endpoint;
    this.onEvent = options.onEvent;
    this.pace = options.pace ?? 1;
    this.attempts = options.attempts ?? limits.attempts;
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

  /** `thing` is what follows the repository in messages: `:latest`, `@sha256:…`. */
  fail(response: HttpResponse, action: string, thing: string, missing?: string): Promise<PolyarchError> {
    return registryFailure(response, action, `${this.name}${thing}`, {
      registry: this.registry,
      ...(missing === undefined ? {} : { missing }),
    });
  }

  read(response: HttpResponse, limit: number): Promise<Buffer | undefined> {
    return readBody(response, limit);
  }
}
