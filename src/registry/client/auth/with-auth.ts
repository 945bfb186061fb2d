import { failure, isFailure, reasonOf } from '../../../lib/errors.ts';
import { redactText } from '../../../lib/redact.ts';
import { type Endpoint, isConfidential } from '../endpoint.ts';
import type { OnRegistryEvent } from '../events.ts';
import { discard, type HttpRequest, type HttpResponse, type Send } from '../http.ts';
import { parseChallenges } from './challenge.ts';
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
  let scheme: Promise<Scheme | undefined> | undefined;
  let known: Scheme | undefined;

  const learn = async (response: HttpResponse, request: HttpRequest): Promise<Scheme | undefined> => {
    const challenges = parseChallenges(response.headers['www-authenticate']);
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    const basic = challenges.find((challenge) => challenge.scheme === 'basic');
    if (bearer === undefined && basic === undefined) return undefined;
    const credential = await credentialFor(request, options);
    if (credential !== undefined && 'registryToken' in credential) {
      return { kind: 'fixed', header: `Bearer ${credential.registryToken}`, isSecret: true };
    }
    if (bearer) {
      const tokens = new TokenSource(bearer, {
        registry: endpoint.registry,
        origin: request.url,
        credential,
        send: options.tokenSend,
      });
      return { kind: 'tokens', tokens, isSecret: credential !== undefined };
    }
    if (credential === undefined || 'identityToken' in credential) return undefined;
    const header = basicAuthorization(credential.username, credential.password);
    return { kind: 'fixed', header, isSecret: true };
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
    const allowed = known?.isSecret === true && !isConfidential(request.url) ? undefined : known;
    const first = allowed && (await authorize(allowed, request));
    const response = await send(first === undefined ? request : withHeader(request, first));
    if (response.status !== 401 || response.url.origin !== origin) return response;
    // The password was refused: asking again with the same one locks accounts.
    if (known?.kind === 'fixed' && first !== undefined) return response;
    if (known === undefined) {
      // Requests side by side learn together: the user's helper is asked once.
      scheme ??= learn(response, request);
      const asked = scheme;
      try {
        known = await asked;
      } finally {
        if (scheme === asked) scheme = undefined;
      }
    }
    if (known === undefined || (known.isSecret && !isConfidential(request.url))) return response;
    discard(response);
    const refused = first?.slice('Bearer '.length);
    return await send(withHeader(request, await authorize(known, request, refused)));
  };
}

/** Undefined is anonymous: so is who has a helper that fails, after a warning. UNAUTHORIZED where a secret would travel unencrypted. */
async function credentialFor(request: HttpRequest, options: AuthOptions): Promise<Credential | undefined> {
  const { endpoint, credentials, onEvent } = options;
  let credential: Credential | undefined;
  try {
    credential = await credentials(endpoint.registry, { signal: request.signal });
  } catch (error) {
    if (!isFailure(error, 'UNAUTHORIZED') || onEvent === undefined) throw error;
    onEvent({
      type: 'registry-warning',
      registry: endpoint.registry,
      message: `going on without credentials: ${redactText(reasonOf(error))}`,
    });
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
