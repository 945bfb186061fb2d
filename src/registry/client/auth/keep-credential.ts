import { mkdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { IoOptions } from '../../../content/store.ts';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { failure, PolyarchError, reasonOf } from '../../../lib/errors.ts';
import { withFileLock } from '../../../lib/file-lock.ts';
import { tellHelper } from './credential-helper.ts';
import {
  dockerConfigPath,
  helperFor,
  keysOf,
  readDockerConfig,
  record,
  scopeOfKey,
} from './docker-config-file.ts';

export interface KeepOptions extends IoOptions {
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** In place of the file that the environment names. */
  readonly authFile?: string | undefined;
}

/** Where a secret is kept, or was. */
export interface CredentialPlace {
  /** Path of the config.json. */
  readonly file: string;
  /** The helper that keeps the secret; without one the file itself does, unencrypted. */
  readonly helper?: string;
}

type Config = Record<string, unknown>;

/** Keeps a password as `docker login` does: with the helper that config.json names for the registry, else in the file itself. */
export async function storeCredential(
  registry: string,
  credential: { username: string; password: string },
  options: KeepOptions = {},
): Promise<CredentialPlace> {
  const { env = process.env, signal } = options;
  const { username, password } = credential;
  const [key] = keysOf(registry);
  return await edit(options, async (config) => {
    const helper = helperFor(config, registry);
    if (helper !== undefined) {
      const secret = JSON.stringify({ ServerURL: key, Username: username, Secret: password });
      await tellHelper(helper, 'store', secret, { env, signal });
    }
    const auth = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
    // An entry without a secret tells that a helper has it.
    const entry = helper === undefined ? { auth } : {};
    return { config: { ...config, auths: { ...without(config, registry), [key]: entry } }, helper };
  });
}

/** Forgets a registry's credentials, wherever config.json says that they are. False when there were none. */
export async function eraseCredential(
  registry: string,
  options: KeepOptions = {},
): Promise<CredentialPlace & { erased: boolean }> {
  const { env = process.env, signal } = options;
  let erased = false;
  const place = await edit(options, async (config) => {
    const helper = helperFor(config, registry);
    const auths = record(config.auths);
    const rest = without(config, registry);
    erased = Object.keys(rest).length !== Object.keys(auths).length;
    if (helper !== undefined) {
      const { askHelper } = await import('./credential-helper.ts');
      const [key] = keysOf(registry);
      if ((await askHelper(helper, key, { env, signal })) !== undefined) {
        await tellHelper(helper, 'erase', key, { env, signal });
        erased = true;
      }
    }
    return { config: erased && config.auths !== undefined ? { ...config, auths: rest } : config, helper };
  });
  return { ...place, erased };
}

/** `auths` less every spelling of the registry. */
function without(config: Config, registry: string): Config {
  const keys: readonly string[] = keysOf(registry);
  return Object.fromEntries(
    Object.entries(record(config.auths)).filter(([key]) => !keys.includes(scopeOfKey(key))),
  );
}

/** Reads, changes and replaces config.json, one process at a time; fields that are not ours stay. Only its owner may read the result. */
async function edit(
  options: KeepOptions,
  change: (config: Config) => Promise<{ config: Config; helper: string | undefined }>,
): Promise<CredentialPlace> {
  const named = dockerConfigPath(options.env ?? process.env, options.authFile);
  try {
    await mkdir(dirname(named), { recursive: true, mode: 0o700 });
    // A link stays a link: people keep this file among others of theirs.
    const path = await realpath(named).catch(() => named);
    return await withFileLock(
      `${path}.lock`,
      async () => {
        const before = (await readDockerConfig(path)) ?? {};
        const { config, helper } = await change(before);
        if (config !== before) {
          await writeFileAtomic(path, `${JSON.stringify(config, null, '\t')}\n`, { mode: 0o600 });
        }
        return { file: named, ...(helper === undefined ? {} : { helper }) };
      },
      options,
    );
  } catch (error) {
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'write credentials to', named, reasonOf(error), {
      cause: error,
      hint: 'name another file with --authfile or DOCKER_CONFIG',
    });
  }
}
