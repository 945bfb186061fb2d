import { isNode, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { excerptOf, sourceOf } from '../../build/dockerfile/source.ts';
import { isDigest } from '../../lib/digest.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import { isRegistry, isTag, parseReference } from '../../oci/reference.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import type { SyncSource, TagChoice } from './sync-source.ts';
import { constraintOf, patternOf } from './tag-choice.ts';

/** A list of images is a page or two. */
const maxFileBytes = 4 * 1024 * 1024;

type Path = readonly (string | number)[];
type Refuse = (path: Path, what: string, hint?: string) => Error;

/**
 * Reads skopeo's YAML (skopeo-sync.1.md): registries with `images`, `images-by-tag-regex`, `images-by-semver`, `credentials`, `tls-verify`
 * and `cert-dir`. USAGE, with the lines, for anything else in it: a misspelt key would leave images out unseen.
 */
export async function readSyncFile(path: string): Promise<SyncSource[]> {
  let text: string;
  try {
    text = String(await readFileWithin(path, maxFileBytes));
  } catch (error) {
    if (isFailure(error)) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw failure('NOT_FOUND', 'read', path, missing ? 'no such file' : reasonOf(error), {
      cause: error,
      hint: 'name a YAML file of registries and images, as skopeo-sync(1) has it',
    });
  }
  return parseSyncFile(text, path);
}

export function parseSyncFile(text: string, name: string): SyncSource[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const refuseAt = (offset: number | undefined, what: string, hint?: string): Error => {
    const line = offset === undefined ? 1 : counter.linePos(offset).line;
    const excerpt = excerptOf(sourceOf(withoutPasswords(text), name), { startLine: line, endLine: line });
    return failure('USAGE', 'read', `${name}:${line}`, what, { hint, excerpt });
  };
  const [broken] = document.errors;
  if (broken) throw refuseAt(broken.pos[0], broken.message.split('\n')[0] ?? 'not YAML');
  const refuse: Refuse = (path, what, hint) => refuseAt(offsetOf(document.contents, path), what, hint);
  const registries = mapOf(document.toJS({ maxAliasCount: 100 }), [], refuse);
  return Object.entries(registries).flatMap(([registry, value]) => readRegistry(registry, value, refuse));
}

/** The same lines, for messages: whatever follows a password's key, to where its indentation ends, is left out. */
function withoutPasswords(text: string): string {
  let indentation = Number.POSITIVE_INFINITY;
  const lines = text.split('\n').map((line) => {
    const own = line.search(/\S/);
    if (own < 0) return line;
    if (own > indentation) return '…';
    const key = /^.*?\bpassword["']?\s*:/i.exec(line)?.[0];
    indentation = key === undefined ? Number.POSITIVE_INFINITY : own;
    return key === undefined ? line : `${key} …`;
  });
  return lines.join('\n');
}

/** Where a key stands, so that the message can show its line. */
function offsetOf(root: unknown, path: Path): number | undefined {
  let at: unknown = root;
  let offset: number | undefined = isNode(root) ? root.range?.[0] : undefined;
  for (const part of path) {
    const items: unknown[] = (at as YAMLMap | undefined)?.items ?? [];
    const item = typeof part === 'number' ? items[part] : items.find((pair) => keyOf(pair) === part);
    if (item === undefined) return offset;
    const key = (item as { key?: unknown }).key;
    at = key === undefined ? item : (item as { value?: unknown }).value;
    offset = isNode(key) ? key.range?.[0] : isNode(item) ? item.range?.[0] : offset;
  }
  return offset;
}

function keyOf(pair: unknown): unknown {
  const key = (pair as { key?: unknown }).key;
  return isScalar(key) ? String(key.value) : key;
}

function mapOf(value: unknown, path: Path, refuse: Refuse): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw refuse(path, path.length === 0 ? 'no registries in it' : `${path.at(-1)} is no mapping`);
}

const keys = ['images', 'images-by-tag-regex', 'images-by-semver', 'credentials', 'tls-verify', 'cert-dir'];

function readRegistry(registry: string, value: unknown, refuse: Refuse): SyncSource[] {
  const path = [registry];
  if (!isRegistry(registry)) throw refuse(path, `"${registry}" is no registry`);
  const fields = mapOf(value, path, refuse);
  for (const key of Object.keys(fields)) {
    if (!keys.includes(key))
      throw refuse([...path, key], `"${key}" is no key of it`, `there are ${keys.join(', ')}`);
  }
  const settings = settingsOf(fields, path, refuse);
  const sources: SyncSource[] = [];
  const section = (key: string, choose: (value: unknown, at: Path) => TagChoice): void => {
    if (fields[key] === undefined || fields[key] === null) return;
    for (const [repository, chosen] of Object.entries(mapOf(fields[key], [...path, key], refuse))) {
      const at = [...path, key, repository];
      sources.push({ ...nameOf(registry, repository, at, refuse), settings, choice: choose(chosen, at) });
    }
  };
  section('images', (chosen, at) => listed(chosen, at, refuse));
  section('images-by-tag-regex', (chosen, at) => ({
    kind: 'pattern',
    pattern: patternOf(textOf(chosen, at, refuse), (what) => refuse(at, what)),
  }));
  section('images-by-semver', (chosen, at) => ({
    kind: 'semver',
    constraint: constraintOf(textOf(chosen, at, refuse), (what) => refuse(at, what)),
  }));
  return sources;
}

function nameOf(registry: string, repository: string, at: Path, refuse: Refuse) {
  const reference = parseReference(`${registry}/${repository}`);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw refuse(at, `"${repository}" has a tag: tags stand below the repository`);
  }
  return { registry: reference.registry, repository: reference.repository };
}

function listed(value: unknown, at: Path, refuse: Refuse): TagChoice {
  if (value === null || value === undefined) return { kind: 'all' };
  if (!Array.isArray(value)) throw refuse(at, `${at.at(-1)} is no list of tags`);
  const identifiers = value.map((tag: unknown, position) => {
    // An unquoted 1.10 is a number whose last digit YAML has dropped.
    if (typeof tag !== 'string')
      throw refuse([...at, position], `${String(tag)} is no text`, 'put tags in quotes: "1.10"');
    if (!isTag(tag) && !isDigest(tag))
      throw refuse([...at, position], `"${tag}" is neither a tag nor a digest`);
    return tag;
  });
  return identifiers.length === 0 ? { kind: 'all' } : { kind: 'listed', identifiers };
}

function textOf(value: unknown, at: Path, refuse: Refuse): string {
  if (typeof value === 'string') return value;
  throw refuse(at, `${at.at(-1)} is no text`, 'put it in quotes');
}

function settingsOf(fields: Record<string, unknown>, path: Path, refuse: Refuse): RegistrySettings {
  const { credentials, 'tls-verify': verify, 'cert-dir': certDir } = fields;
  if (verify !== undefined && typeof verify !== 'boolean')
    throw refuse([...path, 'tls-verify'], 'neither true nor false');
  if (certDir !== undefined && typeof certDir !== 'string') throw refuse([...path, 'cert-dir'], 'no path');
  const said = credentials === undefined ? undefined : mapOf(credentials, [...path, 'credentials'], refuse);
  const unknown = Object.keys(said ?? {}).find((key) => key !== 'username' && key !== 'password');
  if (unknown !== undefined) throw refuse([...path, 'credentials', unknown], `"${unknown}" is no key of it`);
  const { username, password } = said ?? {};
  if (said !== undefined && (typeof username !== 'string' || typeof password !== 'string')) {
    throw refuse([...path, 'credentials'], 'it has username and password, both text');
  }
  return {
    ...(verify === undefined ? {} : { tlsVerify: verify }),
    ...(certDir === undefined ? {} : { certDir }),
    ...(typeof username === 'string' && typeof password === 'string'
      ? { credential: { username, password } }
      : {}),
  };
}
