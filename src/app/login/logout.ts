import type { IoOptions } from '../../content/store.ts';
import { type CredentialPlace, eraseCredential } from '../../registry/client/auth/keep-credential.ts';
import { registryNamed } from './registry-named.ts';

export interface LogoutOptions extends IoOptions {
  /** In place of the config.json that the environment names. */
  readonly authFile?: string | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface LoggedOut extends CredentialPlace {
  readonly registry: string;
  /** False when there were no credentials of it. */
  readonly erased: boolean;
}

/** Forgets a registry's credentials, in Docker's config.json and in the helper that it names. */
export async function logout(text: string | undefined, options: LogoutOptions = {}): Promise<LoggedOut> {
  const registry = registryNamed(text);
  return { registry, ...(await eraseCredential(registry, options)) };
}
