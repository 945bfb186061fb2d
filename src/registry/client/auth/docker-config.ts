import { failure } from '../../../lib/errors.ts';
import { defaultRegistry } from '../../../oci/reference.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { dockerConfigPath, hostOf, hubKey, keysOf, readDockerConfig, record } from './docker-config-file.ts';

/** The part of Docker's config.json that says who the user is. */
interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

export interface DockerCredentialsOptions {
  /** In place of the files that the environment names. It must exist. */
  readonly authFile?: string | undefined;
}

/**
 * `$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, read once and only when a registry asks for
 * credentials. A registry's own helper comes first, then the general one, then what the file itself holds.
 */
export function dockerCredentials(
  env: NodeJS.ProcessEnv = process.env,
  { authFile }: DockerCredentialsOptions = {},
): CredentialSource {
  let loading: Promise<DockerConfig> | undefined;
  return async (registry, options) => {
    loading ??= load(env, authFile);
    const config = await loading;
    const keys = keysOf(registry);
    const own = keys.map((key) => config.credHelpers[key]).find((helper) => typeof helper === 'string');
    const helpers = [own, config.credsStore].filter((helper) => typeof helper === 'string' && helper !== '');
    if (helpers.length > 0) {
      const { askHelper } = await import('./credential-helper.ts');
      const server = registry === defaultRegistry ? hubKey : registry;
      for (const helper of helpers) {
        const found = await askHelper(String(helper), server, { ...options, env });
        if (found !== undefined) return found;
      }
    }
    for (const [key, entry] of Object.entries(config.auths)) {
      if (keys.includes(hostOf(key))) {
        const found = credentialOf(entry);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
}

function credentialOf(entry: unknown): Credential | undefined {
  const { identitytoken, auth, username, password } = record(entry);
  if (typeof identitytoken === 'string' && identitytoken !== '') return { identityToken: identitytoken };
  if (typeof auth === 'string' && auth !== '') {
    // Docker pads the decoded pair with NULs.
    const pair = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = pair.indexOf(':');
    if (colon > 0) return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  }
  if (typeof username === 'string' && typeof password === 'string' && username !== '') {
    return { username, password };
  }
  return undefined;
}

async function load(env: NodeJS.ProcessEnv, authFile: string | undefined): Promise<DockerConfig> {
  const path = dockerConfigPath(env, authFile);
  const document = await readDockerConfig(path);
  if (document === undefined && authFile !== undefined) {
    throw failure('USAGE', 'read credentials from', path, 'there is no such file');
  }
  const { auths, credHelpers, credsStore } = document ?? {};
  return {
    auths: record(auths),
    credHelpers: record(credHelpers),
    credsStore: typeof credsStore === 'string' ? credsStore : undefined,
  };
}
