import type { IoOptions } from '../../../content/store.ts';

/**
 * What a user proves to be: a password, an identity token (an OAuth2 refresh token) from `docker login` or a helper, or a registry
 * token: a bearer token that a token service has given already.
 */
export type Credential =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
  | { readonly registryToken: string };

export interface CredentialOptions extends IoOptions {
  /** Which repository of the registry is spoken of: some have credentials of their own. */
  readonly repository?: string | undefined;
}

/** Finds the credential for a registry as references name it (`docker.io`, `localhost:5000`); undefined is anonymous. */
export type CredentialSource = (
  registry: string,
  options?: CredentialOptions,
) => Promise<Credential | undefined>;

export const anonymous: CredentialSource = async () => undefined;

/** `Basic …` (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
