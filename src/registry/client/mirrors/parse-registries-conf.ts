import { failure, type PolyarchError } from '../../../lib/errors.ts';
import type { PullFromMirror, RegistryRule } from './registries-conf.ts';

type Table = Readonly<Record<string, unknown>>;

const registryKeys = new Set([
  'prefix',
  'location',
  'insecure',
  'blocked',
  'mirror',
  'mirror-by-digest-only',
]);
const mirrorKeys = new Set(['location', 'insecure', 'pull-from-mirror']);

/**
 * Reads the `[[registry]]` tables of one file. Names without a registry mean Docker Hub here, as in Docker: `unqualified-search-registries`
 * and aliases are for tools that ask. USAGE when the file is no TOML, contradicts itself, or is of version 1 and says more than where to search.
 */
export async function parseRegistriesConf(
  text: string,
  file: string,
): Promise<{ rules: RegistryRule[]; warnings: string[] }> {
  const { parse } = await import('smol-toml');
  const broken = (what: string, cause?: unknown): PolyarchError =>
    failure('USAGE', 'read', file, what, {
      cause,
      hint: 'man containers-registries.conf says how it is written',
    });
  let document: Table;
  try {
    document = parse(text);
  } catch (error) {
    throw broken(`not TOML: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`, error);
  }
  const warnings: string[] = [];
  checkVersion(document, broken);
  const helpers = document['credential-helpers'];
  if (Array.isArray(helpers) && helpers.some((helper) => helper !== 'containers-auth.json')) {
    warnings.push(`${file}: credential-helpers is not read; put credHelpers into Docker’s config.json`);
  }
  const rules = tables(document.registry, 'registry', broken).map((table) => {
    warnings.push(...unknownKeys(table, registryKeys, `${file}: [[registry]]`));
    const location = place(table.location, 'location', broken);
    const prefix = place(table.prefix, 'prefix', broken) || location;
    if (prefix === '') throw broken('a [[registry]] has neither prefix nor location');
    if (prefix.startsWith('*.') ? /[/@:]/.test(prefix) : location === '') {
      throw broken(`the prefix "${prefix}" needs a location, or the form *.example.com`);
    }
    const byDigest = flag(table['mirror-by-digest-only'], 'mirror-by-digest-only', broken);
    return {
      prefix,
      location,
      file,
      insecure: flag(table.insecure, 'insecure', broken),
      blocked: flag(table.blocked, 'blocked', broken),
      mirrors: tables(table.mirror, 'registry.mirror', broken).map((mirror) => {
        warnings.push(...unknownKeys(mirror, mirrorKeys, `${file}: [[registry.mirror]]`));
        const at = place(mirror.location, 'location', broken);
        if (at === '') throw broken(`a mirror of "${prefix}" has no location`);
        return {
          location: at,
          insecure: flag(mirror.insecure, 'insecure', broken),
          pull: pullFrom(mirror['pull-from-mirror'], byDigest, broken),
        };
      }),
    };
  });
  return { rules, warnings };
}

/** Version 1 had `[registries.search]`, `.insecure` and `.block`. */
function checkVersion(document: Table, broken: (what: string) => PolyarchError): void {
  if (!isTable(document.registries)) return;
  for (const name of ['insecure', 'block']) {
    const table = document.registries[name];
    if (isTable(table) && Array.isArray(table.registries) && table.registries.length > 0) {
      throw broken(`[registries.${name}] is of version 1: version 2 has [[registry]]`);
    }
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function tables(value: unknown, name: string, broken: (what: string) => PolyarchError): readonly Table[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every(isTable)) return value as Table[];
  throw broken(`[[${name}]] is no list of tables`);
}

function flag(value: unknown, name: string, broken: (what: string) => PolyarchError): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw broken(`${name} is neither true nor false`);
}

function place(value: unknown, name: string, broken: (what: string) => PolyarchError): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || /^https?:\/\//.test(value))
    throw broken(`${name} is not of the form host[:port][/path]`);
  return value.replace(/\/+$/, '');
}

function pullFrom(
  value: unknown,
  byDigest: boolean,
  broken: (what: string) => PolyarchError,
): PullFromMirror {
  if (value === undefined || value === '') return byDigest ? 'digest-only' : 'all';
  if (byDigest) throw broken('mirror-by-digest-only and pull-from-mirror do not go together');
  if (value === 'all' || value === 'digest-only' || value === 'tag-only') return value;
  throw broken('pull-from-mirror is neither all, digest-only nor tag-only');
}

function unknownKeys(table: Table, known: ReadonlySet<string>, where: string): string[] {
  return Object.keys(table)
    .filter((key) => !known.has(key))
    .map((key) => `${where}: nothing is known of "${key}"`);
}
