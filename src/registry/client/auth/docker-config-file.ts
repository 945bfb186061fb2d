import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure, isFailure } from '../../../lib/errors.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { defaultRegistry } from '../../../oci/reference.ts';
import { limits } from '../limits.ts';

/** What Docker calls Docker Hub in config.json, and asks helpers for. */
export const hubKey = 'https://index.docker.io/v1/';

/** Where a login is kept: `authFile`, else `$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigPath(env: NodeJS.ProcessEnv, authFile?: string): string {
  const directory = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  return authFile || env.REGISTRY_AUTH_FILE || join(directory, 'config.json');
}

/**
 * Where logins are looked for: the file that is named, else Docker's, then those that podman and skopeo keep (containers-auth.json(5)):
 * `$XDG_RUNTIME_DIR/containers/auth.json` and `$XDG_CONFIG_HOME/containers/auth.json`.
 */
export function credentialPaths(env: NodeJS.ProcessEnv, authFile?: string): readonly [string, ...string[]] {
  const first = dockerConfigPath(env, authFile);
  if (authFile || env.REGISTRY_AUTH_FILE) return [first];
  const directories = [env.XDG_RUNTIME_DIR, env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')];
  return [
    first,
    ...directories.flatMap((directory) => (directory ? [join(directory, 'containers/auth.json')] : [])),
  ];
}

/** The file's object, all of its fields; undefined when there is no file. USAGE when it cannot be read: what it holds is never shown. */
export async function readDockerConfig(path: string): Promise<Record<string, unknown> | undefined> {
  const broken = (what: string, cause?: unknown) =>
    failure('USAGE', 'read credentials from', path, what, {
      cause,
      hint: 'repair the file, or name another with --authfile or DOCKER_CONFIG',
    });
  let text: string;
  try {
    text = String(await readFileWithin(path, limits.credentialBytes));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw broken(
      isFailure(error, 'LIMIT') ? `larger than ${limits.credentialBytes} bytes` : String(code),
      error,
    );
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds passwords.
    throw broken('not JSON');
  }
  return record(document);
}

/** Names that a registry goes by in config.json, the one that is written first. */
export function keysOf(registry: string): readonly [string, ...string[]] {
  if (registry !== defaultRegistry) return [registry];
  return [hubKey, defaultRegistry, 'index.docker.io', 'registry-1.docker.io'];
}

/** What a key of `auths` is for: `https://ghcr.io/v2/` → `ghcr.io`, as Docker has it; `quay.io/team` stays a part of a registry, as containers have it. */
export function scopeOfKey(key: string): string {
  if (key === hubKey) return key;
  const bare = key.replace(/^https?:\/\//, '');
  if (bare !== key) return bare.replace(/\/.*$/, '');
  return key.replace(/\/(?:v[12]\/?)?$/, '');
}

/** Keys that have a repository's credential, the most special first: of itself, of what it is below, of its registry. */
export function scopesOf(registry: string, repository: string | undefined): string[] {
  const parts = repository === undefined || repository === '' ? [] : repository.split('/');
  const special = parts.map((_, at) => [registry, ...parts.slice(0, parts.length - at)].join('/'));
  return [...special, ...keysOf(registry)];
}

/** The helper that keeps a registry's credentials: its own, else the general one. */
export function helperFor(config: Readonly<Record<string, unknown>>, registry: string): string | undefined {
  const own = keysOf(registry).map((key) => record(config.credHelpers)[key]);
  return [...own, config.credsStore].find(
    (helper): helper is string => typeof helper === 'string' && helper !== '',
  );
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
