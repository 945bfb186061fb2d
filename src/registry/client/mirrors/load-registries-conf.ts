import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure, isFailure } from '../../../lib/errors.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { limits } from '../limits.ts';
import { RegistriesConf, type RegistryRule } from './registries-conf.ts';

export interface LoadRegistriesConfOptions {
  /** In place of the files that are looked for; it must exist. */
  readonly path?: string | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where the system's files are. Default /etc/containers. */
  readonly systemDirectory?: string | undefined;
}

/**
 * `path`, else `$CONTAINERS_REGISTRIES_CONF`, else `~/.config/containers/registries.conf` and its `registries.conf.d`, else those of
 * /etc/containers with the user's own directory after the system's. Of two rules for one prefix the later file's counts.
 */
export async function loadRegistriesConf(options: LoadRegistriesConfOptions = {}): Promise<RegistriesConf> {
  const { env = process.env, systemDirectory = '/etc/containers' } = options;
  const user = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'containers');
  const named = options.path ?? (env.CONTAINERS_REGISTRIES_CONF || undefined);
  const texts = new Map<string, string>();
  const add = async (file: string): Promise<boolean> => {
    const text = await readText(file, file === named);
    if (text !== undefined) texts.set(file, text);
    return text !== undefined;
  };
  if (named !== undefined) {
    await add(named);
  } else if (await add(join(user, 'registries.conf'))) {
    for (const file of dropIns(user)) await add(file);
  } else {
    await add(join(systemDirectory, 'registries.conf'));
    for (const file of [...dropIns(systemDirectory), ...dropIns(user)]) await add(file);
  }
  const rules = new Map<string, RegistryRule>();
  const warnings: string[] = [];
  for (const [file, text] of texts) {
    if (!mayHaveRules(text)) continue;
    const { parseRegistriesConf } = await import('./parse-registries-conf.ts');
    const found = await parseRegistriesConf(text, file);
    // Within one file the first of two equal prefixes counts.
    for (const rule of found.rules.toReversed()) rules.set(rule.prefix, rule);
    warnings.push(...found.warnings);
  }
  return new RegistriesConf([...rules.values()], warnings);
}

/**
 * Most files only search and name aliases (containers-common installs `shortnames.conf`, 90 lines of them, one of which is "registry"), which are for names without a
 * registry: Docker Hub's here. Their text tells without the parser. A doubt is a yes.
 */
function mayHaveRules(text: string): boolean {
  return /^\s*(?:\[+\s*"?registr|"?registry"?\s*(?:\.|=\s*\[)|"?credential-helpers"?\s*=)/m.test(text);
}

/** The files of `registries.conf.d` in the order of their names. */
function dropIns(directory: string): string[] {
  const path = join(directory, 'registries.conf.d');
  return namesIn(path)
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => join(path, name));
}

/** None where there is no such directory, or it cannot be read. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

async function readText(file: string, required: boolean): Promise<string | undefined> {
  try {
    return String(await readFileWithin(file, limits.configurationBytes));
  } catch (error) {
    if (isFailure(error)) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!required && /^E(?:NOENT|NOTDIR)$/.test(code)) return undefined;
    throw failure('USAGE', 'read', file, code === 'ENOENT' ? 'there is no such file' : code, {
      cause: error,
    });
  }
}
