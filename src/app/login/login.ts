import type { IoOptions } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import type { CredentialPlace } from '../../registry/client/auth/keep-credential.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import { clientOptions, type RegistrySettings } from '../registry-settings.ts';
import { registryNamed } from './registry-named.ts';

export interface LoginOptions extends IoOptions {
  readonly username: string;
  readonly password: string;
  /** `credential` in it is not used. */
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface LoggedIn extends CredentialPlace {
  readonly registry: string;
  readonly username: string;
}

/**
 * Shows a registry the password, and keeps it when the registry lets the user in: with the helper that Docker's config.json names, else in
 * that file. UNAUTHORIZED, and nothing is kept, when it does not, or when it never asks who it is.
 */
export async function login(text: string | undefined, options: LoginOptions): Promise<LoggedIn> {
  const { username, password, onEvent, signal, env } = options;
  const registry = registryNamed(text);
  if (username === '' || password === '')
    throw failure('USAGE', 'log in to', registry, 'no user or no password', {
      hint: `printenv PASSWORD | polyarch login -u USER --password-stdin ${registry}`,
    });
  // The pair is kept as user:password.
  if (username.includes(':'))
    throw failure('USAGE', 'log in to', registry, 'a user’s name may have no colon');
  const { RegistryClient } = await import('../../registry/client/registry-client.ts');
  let asked = false;
  const client = new RegistryClient({
    ...(await clientOptions({ registry: { ...options.registry, authFile: undefined }, env })),
    credential: undefined,
    credentials: async () => {
      asked = true;
      return { username, password };
    },
    onEvent,
  });
  try {
    await client.checkAccess(registry, { signal });
  } finally {
    client.close();
  }
  if (!asked) {
    throw failure('UNAUTHORIZED', 'log in to', registry, 'it lets anybody in and asks for no password', {
      hint: 'there is nothing to log in to; its contents can be used without',
    });
  }
  const { storeCredential } = await import('../../registry/client/auth/keep-credential.ts');
  const authFile = options.registry?.authFile;
  const place = await storeCredential(registry, { username, password }, { env, authFile, signal });
  return { registry, username, ...place };
}
