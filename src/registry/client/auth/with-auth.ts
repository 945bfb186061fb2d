import { failure, isFailure, reasonOf } from '../../../lib/errors.ts';
import { redactText } from '../../../lib/redact.ts';
import { type Endpoint, isConfidential } from '../endpoint.ts';
import type { OnRegistryEvent } from '../events.ts';
import { discard, type HttpRequest, type Send } from '../http.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicAuthorization, type Credential, type CredentialSource } from './credential.ts';
import { TokenSource } from './token-source.ts';

export interface AuthOptions {
  readonly endpoint: Endpoint;
  readonly credentials: CredentialSource;
  /** For the token service: retries by itself, adds no authentication. */
  readonly tokenSend: Send;
  readonly onEvent?: OnRegistryEvent | undefined;
}

/** How a registry wants to be spoken to; learnt from its first 401. */
type Scheme = (
  | { readonly kind: 'tokens'; readonly tokens: TokenSource }
  | { readonly kind: 'fixed'; readonly header: string }
) & {
  /** It stands for a user: it may not be seen on its way. */
  readonly isSecret: boolean;
};

/**
 * Answers a registry's 401 with Basic or Bearer and remembers how. Authorization goes to the registry's own origin only, never over
 * plain HTTP that leaves this machine; a 401 of another origin (after a redirect, or an upload's location) is no question to us.
 * Who has no credentials, or a helper that does not work, is anonymous.
 */
export function withAuth(send: Send, options: AuthOptions): Send {
  const { endpoint } = options;
  const told = new Set<string>();
  /** What the registry asked for, once an answer to it is known. */
  let challenges: readonly Challenge[] | undefined;
  /** By repository: requests side by side learn together. */
  const known = new Map<string, Promise<Scheme | undefined>>();
  /** By credential: repositories that have the same share tokens. */
  const schemes = new Map<string, Scheme | undefined>();

  const schemeFor = async (
    asked: readonly Challenge[],
    request: HttpRequest,
  ): Promise<Scheme | undefined> => {
    const repository = repositoryOf(request);
    let found = known.get(repository);
    if (found === undefined) {
      found = learn(asked, request, repository);
      known.set(repository, found);
    }
    try {
      const scheme = await found;
      if (scheme === undefined) known.delete(repository);
      else challenges ??= asked;
      return scheme;
    } catch (error) {
      known.delete(repository);
      throw error;
    }
  };

  const learn = async (
    asked: readonly Challenge[],
    request: HttpRequest,
    repository: string,
  ): Promise<Scheme | undefined> => {
    if (!asked.some(({ scheme }) => scheme === 'bearer' || scheme === 'basic')) return undefined;
    const credential = await credentialFor(request, repository, options, told);
    const key = JSON.stringify(credential ?? null);
    const scheme = schemes.get(key) ?? schemeOf(asked, credential, request, options);
    schemes.set(key, scheme);
    return scheme;
  };

  const authorize = async (how: Scheme, request: HttpRequest, refused?: string): Promise<string> => {
    if (how.kind === 'fixed') return how.header;
    const token = await how.tokens.token(request.scopes ?? [], { signal: request.signal, refused });
    return `Bearer ${token}`;
  };
  const withHeader = (request: HttpRequest, authorization: string): HttpRequest => ({
    ...request,
    headers: { ...request.headers, authorization },
  });

  return async (request) => {
    const { origin } = request.url;
    if (!endpoint.has(request.url)) return await send(request);
    const how = challenges && (await schemeFor(challenges, request));
    const allowed = how?.isSecret === true && !isConfidential(request.url) ? undefined : how;
    const first = allowed && (await authorize(allowed, request));
    const response = await send(first === undefined ? request : withHeader(request, first));
    if (response.status !== 401 || response.url.origin !== origin) return response;
    // The password was refused: asking again with the same one locks accounts.
    if (how?.kind === 'fixed' && first !== undefined) return response;
    const next = how ?? (await schemeFor(parseChallenges(response.headers['www-authenticate']), request));
    if (next === undefined || (next.isSecret && !isConfidential(request.url))) return response;
    discard(response);
    const refused = first?.slice('Bearer '.length);
    return await send(withHeader(request, await authorize(next, request, refused)));
  };
}

/** The repository that a request is about; `` for the registry itself. */
function repositoryOf({ scopes = [] }: HttpRequest): string {
  return /^repository:(.+):[a-z,]*$/.exec(scopes[0] ?? '')?.[1] ?? '';
}

function schemeOf(
  challenges: readonly Challenge[],
  credential: Credential | undefined,
  request: HttpRequest,
  options: AuthOptions,
): Scheme | undefined {
  if (credential !== undefined && 'registryToken' in credential) {
    return { kind: 'fixed', header: `Bearer ${credential.registryToken}`, isSecret: true };
  }
  const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
  if (bearer) {
    const tokens = new TokenSource(bearer, {
      registry: options.endpoint.registry,
      origin: request.url,
      credential,
      send: options.tokenSend,
    });
    return { kind: 'tokens', tokens, isSecret: credential !== undefined };
  }
  if (credential === undefined || 'identityToken' in credential) return undefined;
  const header = basicAuthorization(credential.username, credential.password);
  return { kind: 'fixed', header, isSecret: true };
}

/** Undefined is anonymous: so is who has a helper that fails, after a warning. UNAUTHORIZED where a secret would travel unencrypted. */
async function credentialFor(
  request: HttpRequest,
  repository: string,
  options: AuthOptions,
  told: Set<string>,
): Promise<Credential | undefined> {
  const { endpoint, credentials, onEvent } = options;
  let credential: Credential | undefined;
  try {
    credential = await credentials(endpoint.registry, { repository, signal: request.signal });
  } catch (error) {
    if (!isFailure(error, 'UNAUTHORIZED') || onEvent === undefined) throw error;
    const message = `going on without credentials: ${redactText(reasonOf(error))}`;
    if (!told.has(message)) onEvent({ type: 'registry-warning', registry: endpoint.registry, message });
    told.add(message);
  }
  if (credential === undefined || isConfidential(request.url)) return credential;
  throw failure(
    'UNAUTHORIZED',
    'log in to',
    endpoint.registry,
    'it is spoken to over plain HTTP, and credentials are not sent unencrypted',
    { hint: 'give it TLS, or go without them: --no-creds' },
  );
}
