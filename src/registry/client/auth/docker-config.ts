import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../../lib/errors.ts';
import { defaultRegistry } from '../../../oci/reference.ts';
import { limits } from '../limits.ts';
import type { Credential, CredentialSource } from './credential.ts';

/** The part of Docker's config.json that says who the user is. */
interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

const hubKey = 'https://index.docker.io/v1/';

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

/** Names that a registry goes by in config.json. */
function keysOf(registry: string): readonly string[] {
  if (registry !== defaultRegistry) return [registry];
  return [hubKey, defaultRegistry, 'index.docker.io', 'registry-1.docker.io'];
}

/** `https://ghcr.io/v2/` → `ghcr.io`, as Docker compares them. */
function hostOf(key: string): string {
  return key === hubKey ? key : key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
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
  const directory = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  const path = authFile || env.REGISTRY_AUTH_FILE || join(directory, 'config.json');
  const broken = (what: string, cause?: unknown) =>
    failure('USAGE', 'read credentials from', path, what, {
      cause,
      hint: 'repair the file, or name another with --authfile or DOCKER_CONFIG',
    });
  let text: string;
  try {
    if ((await stat(path)).size > limits.credentialBytes) {
      throw broken(`larger than ${limits.credentialBytes} bytes`);
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    const missing = /^E(?:NOENT|NOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '');
    if (missing && authFile === undefined) {
      return { auths: {}, credHelpers: {}, credsStore: undefined };
    }
    if (
      error instanceof Error &&
      'code' in error &&
      typeof error.code === 'string' &&
      error.code.startsWith('E')
    ) {
      throw broken(error.code, error);
    }
    throw error;
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds passwords.
    throw broken('not JSON');
  }
  const { auths, credHelpers, credsStore } = record(document);
  return {
    auths: record(auths),
    credHelpers: record(credHelpers),
    credsStore: typeof credsStore === 'string' ? credsStore : undefined,
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
