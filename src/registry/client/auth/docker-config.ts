import { failure } from '../../../lib/errors.ts';
import { Memo } from '../../../lib/memo.ts';
import { defaultRegistry } from '../../../oci/reference.ts';
import type { Credential, CredentialOptions, CredentialSource } from './credential.ts';
import {
  credentialPaths,
  hubKey,
  keysOf,
  readDockerConfig,
  record,
  scopeOfKey,
  scopesOf,
} from './docker-config-file.ts';

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
 * What the files of `credentialPaths` say, each read once and only when a registry asks for credentials. In each a registry's own helper comes
 * first, then the general one, then what the file itself holds, for the repository or what it is below.
 */
export function dockerCredentials(
  env: NodeJS.ProcessEnv = process.env,
  { authFile }: DockerCredentialsOptions = {},
): CredentialSource {
  const files = credentialPaths(env, authFile).map(
    (path) => new CredentialFile(path, env, authFile !== undefined),
  );
  return async (registry, options = {}) => {
    for (const file of files) {
      const found = await file.find(registry, options);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

class CredentialFile {
  readonly #path: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #required: boolean;
  #loading: Promise<DockerConfig> | undefined;
  /** A helper may ask the user: once for a registry, however many repositories of it there are. */
  readonly #helped = new Memo<Credential | undefined>();

  constructor(path: string, env: NodeJS.ProcessEnv, required: boolean) {
    this.#path = path;
    this.#env = env;
    this.#required = required;
  }

  async find(registry: string, options: CredentialOptions): Promise<Credential | undefined> {
    this.#loading ??= load(this.#path, this.#required);
    const config = await this.#loading;
    const ask = () => this.#askHelpers(config, registry, options);
    const found = await this.#helped.of(registry, ask, options.signal);
    if (found !== undefined) return found;
    const entries = Object.entries(config.auths);
    for (const scope of scopesOf(registry, options.repository)) {
      for (const [key, entry] of entries) {
        const credential = scopeOfKey(key) === scope ? credentialOf(entry) : undefined;
        if (credential !== undefined) return credential;
      }
    }
    return undefined;
  }

  async #askHelpers(
    config: DockerConfig,
    registry: string,
    options: CredentialOptions,
  ): Promise<Credential | undefined> {
    const own = keysOf(registry)
      .map((key) => config.credHelpers[key])
      .find((helper) => typeof helper === 'string');
    const helpers = [own, config.credsStore].filter((helper) => typeof helper === 'string' && helper !== '');
    if (helpers.length === 0) return undefined;
    const { askHelper } = await import('./credential-helper.ts');
    const server = registry === defaultRegistry ? hubKey : registry;
    for (const helper of helpers) {
      const found = await askHelper(String(helper), server, { signal: options.signal, env: this.#env });
      if (found !== undefined) return found;
    }
    return undefined;
  }
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

async function load(path: string, required: boolean): Promise<DockerConfig> {
  const document = await readDockerConfig(path);
  if (document === undefined && required) {
    throw failure('USAGE', 'read credentials from', path, 'there is no such file');
  }
  const { auths, credHelpers, credsStore } = document ?? {};
  return {
    auths: record(auths),
    credHelpers: record(credHelpers),
    credsStore: typeof credsStore === 'string' ? credsStore : undefined,
  };
}
