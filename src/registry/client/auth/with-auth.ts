import { isConfidential } from '../endpoint.ts';
import { discard, type HttpRequest, type HttpResponse, type Send } from '../http.ts';
import { parseChallenges } from './challenge.ts';
import { basicAuthorization, type Credential, type CredentialSource } from './credential.ts';
import { TokenSource } from './token-source.ts';

export interface AuthOptions {
  readonly registry: string;
  readonly endpoint: URL;
  readonly credentials: CredentialSource;
  /** For the token service: retries by itself, adds no authentication. */
  readonly tokenSend: Send;
}

/** How a registry wants to be spoken to; learnt from its first 401. */
type Scheme =
  | { readonly kind: 'bearer'; readonly tokens: TokenSource }
  | { readonly kind: 'basic'; readonly header: string };

/**
 * Answers a registry's 401 with Basic or Bearer and remembers how. Authorization goes to the registry's own origin only, never over
 * plain HTTP that leaves this machine; a 401 of another origin (after a redirect, or an upload's location) is no question to us.
 */
export function withAuth(send: Send, options: AuthOptions): Send {
  const { endpoint, registry } = options;
  let scheme: Scheme | undefined;
  let credential: Promise<Credential | undefined> | undefined;

  const learn = async (response: HttpResponse, request: HttpRequest): Promise<Scheme | undefined> => {
    const challenges = parseChallenges(response.headers['www-authenticate']);
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    const basic = challenges.find((challenge) => challenge.scheme === 'basic');
    if (bearer === undefined && basic === undefined) return undefined;
    if (!isConfidential(endpoint)) return undefined;
    credential ??= options.credentials(registry, { signal: request.signal });
    const found = await credential.catch((error: unknown) => {
      credential = undefined;
      throw error;
    });
    if (bearer) {
      const tokens = new TokenSource(bearer, {
        registry,
        endpoint,
        credential: found,
        send: options.tokenSend,
      });
      return { kind: 'bearer', tokens };
    }
    if (found === undefined || 'identityToken' in found) return undefined;
    return { kind: 'basic', header: basicAuthorization(found.username, found.password) };
  };

  const authorize = async (known: Scheme, request: HttpRequest, refused?: string): Promise<string> => {
    if (known.kind === 'basic') return known.header;
    const token = await known.tokens.token(request.scopes ?? [], { signal: request.signal, refused });
    return `Bearer ${token}`;
  };
  const withHeader = (request: HttpRequest, authorization: string): HttpRequest => ({
    ...request,
    headers: { ...request.headers, authorization },
  });

  return async (request) => {
    if (request.url.origin !== endpoint.origin) return await send(request);
    const first = scheme && (await authorize(scheme, request));
    const response = await send(first === undefined ? request : withHeader(request, first));
    if (response.status !== 401 || response.url.origin !== endpoint.origin) return response;
    // The password was refused: asking again with the same one locks accounts.
    if (scheme?.kind === 'basic' && first !== undefined) return response;
    const learnt = scheme ?? (await learn(response, request));
    if (learnt === undefined) return response;
    discard(response);
    scheme ??= learnt;
    const refused = first?.slice('Bearer '.length);
    return await send(withHeader(request, await authorize(scheme, request, refused)));
  };
}
