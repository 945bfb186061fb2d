import { parseObject } from '../../../content/document.ts';
import { abortReason, failure, type PolyarchError } from '../../../lib/errors.ts';
import { discard, type HttpResponse, type Send } from '../http.ts';
import { limits } from '../limits.ts';
import { registryFailure } from '../registry-failure.ts';
import { readBody } from '../watched-body.ts';
import type { Challenge } from './challenge.ts';
import { basicAuthorization, type Credential } from './credential.ts';
import { checkRealm } from './realm.ts';
import { covers } from './scope.ts';

interface Token {
  readonly scopes: readonly string[];
  readonly value: string;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly expires: number;
}

/** distribution's token spec: without expires_in a token lives 60 seconds. */
const defaultLifeSeconds = 60;
/** A token is renewed when a tenth of its life is left, so that it does not die on its way. */
const usableShare = 0.9;
const clientId = 'polyarch';

export interface TokenSourceOptions {
  readonly registry: string;
  /** Where the registry asked for a token. */
  readonly origin: URL;
  readonly credential: Exclude<Credential, { registryToken: string }> | undefined;
  /** Retries by itself; adds no authentication. */
  readonly send: Send;
}

/** Bearer tokens of one registry, remembered by what they allow until they expire; asked for once however many wait. */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #realm: URL;
  readonly #service: string | undefined;
  #tokens: Token[] = [];
  readonly #pending = new Map<string, Promise<Token>>();

  constructor(challenge: Challenge, options: TokenSourceOptions) {
    this.#options = options;
    this.#realm = checkRealm(challenge.parameters.get('realm'), options, {
      anonymous: options.credential === undefined,
    });
    this.#service = challenge.parameters.get('service');
  }

  /** A token that allows `scopes`. `refused` is the one that the registry no longer takes. */
  async token(
    scopes: readonly string[],
    options: { signal?: AbortSignal | undefined; refused?: string | undefined } = {},
  ): Promise<string> {
    const now = Date.now();
    this.#tokens = this.#tokens.filter((token) => token.expires > now && token.value !== options.refused);
    const known = this.#tokens.find((token) => covers(token.scopes, scopes));
    if (known) return known.value;
    const key = scopes.toSorted((a, b) => (a < b ? -1 : 1)).join(' ');
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      // Not bound to the signal of whoever asks first: others wait for the same token.
      pending = this.#request(scopes).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    const token = await orAborted(pending, options.signal);
    if (!this.#tokens.includes(token)) this.#tokens.push(token);
    return token.value;
  }

  async #request(scopes: readonly string[]): Promise<Token> {
    const { credential } = this.#options;
    const response =
      credential !== undefined && 'identityToken' in credential
        ? await this.#exchange(credential.identityToken, scopes)
        : await this.#get(credential, scopes);
    if (response.status !== 200) {
      throw await registryFailure(response, 'log in to', this.#options.registry, {
        registry: this.#options.registry,
        missing: 'its token service does not exist',
      });
    }
    return await this.#read(response, scopes);
  }

  #get(
    credential: { username: string; password: string } | undefined,
    scopes: readonly string[],
  ): Promise<HttpResponse> {
    const url = new URL(this.#realm);
    if (this.#service !== undefined) url.searchParams.set('service', this.#service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (credential) url.searchParams.set('account', credential.username);
    const authorization = credential && basicAuthorization(credential.username, credential.password);
    return this.#options.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json', ...(authorization ? { authorization } : {}) },
    });
  }

  /** OAuth2's refresh_token grant (distribution's oauth2 token spec). */
  async #exchange(refreshToken: string, scopes: readonly string[]): Promise<HttpResponse> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: clientId,
      scope: scopes.join(' '),
      ...(this.#service === undefined ? {} : { service: this.#service }),
    });
    const response = await this.#options.send({
      method: 'POST',
      url: this.#realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: Buffer.from(form.toString()),
    });
    // Token services without POST say so as 404 or 405; they take the identity token as Docker's "<token>" user.
    if (response.status !== 404 && response.status !== 405) return response;
    discard(response);
    return await this.#get({ username: '<token>', password: refreshToken }, scopes);
  }

  async #read(response: HttpResponse, scopes: readonly string[]): Promise<Token> {
    const malformed = (): PolyarchError =>
      failure('REGISTRY', 'log in to', this.#options.registry, 'its token service gave no token');
    const bytes = await readBody(response, limits.tokenBytes);
    let document: Record<string, unknown>;
    try {
      document = parseObject(bytes ?? Buffer.alloc(0), this.#options.registry);
    } catch {
      throw malformed();
    }
    const value = [document.token, document.access_token].find(
      (text) => typeof text === 'string' && text !== '',
    );
    // It becomes a header: nothing but visible ASCII.
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw malformed();
    const seconds = document.expires_in;
    const life = typeof seconds === 'number' && seconds > 0 ? seconds : defaultLifeSeconds;
    return { scopes, value, expires: Date.now() + life * 1000 * usableShare };
  }
}

/** Stops waiting when the signal is aborted; what is waited for goes on for the others. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortReason(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
