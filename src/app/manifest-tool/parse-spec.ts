import { isObject } from '../../content/document.ts';
import { failure, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import type { Platform } from '../../oci/platform.ts';

/** One image of a list, as manifest-tool's YAML has it (manifest-tool v2, pkg/types/input.go). */
export interface SpecEntry {
  readonly image: string;
  /** Each field that is there, in place of the config's. */
  readonly platform: Partial<Platform>;
}

export interface ManifestSpec {
  readonly image: string;
  readonly tags: readonly string[];
  readonly manifests: readonly SpecEntry[];
  readonly annotations: Readonly<Record<string, string>>;
}

const maxSpecBytes = 1024 * 1024;
const maxSpecEntries = 1000;

/** NOT_FOUND, LIMIT; USAGE with the place in the file. */
export async function readSpec(path: string): Promise<ManifestSpec> {
  let text: string;
  try {
    text = String(await readFileWithin(path, maxSpecBytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw failure('NOT_FOUND', 'read', path, 'there is no such file', { cause: error });
  }
  return await parseSpec(text, path);
}

export async function parseSpec(text: string, path: string): Promise<ManifestSpec> {
  const { parse, YAMLParseError } = await import('yaml');
  const refuse = (what: string) =>
    failure('USAGE', 'read', path, what, { hint: 'docs/shims/manifest-tool.md' });
  let value: unknown;
  try {
    // Aliases could make a small file a large value.
    value = parse(text, { maxAliasCount: 0, prettyErrors: true });
  } catch (error) {
    if (!(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    const [first, ...excerpt] = reasonOf(error).split('\n');
    throw failure('USAGE', 'read', path, first ?? 'not YAML', {
      ...(excerpt.length === 0 ? {} : { excerpt: excerpt.join('\n') }),
      cause: error,
    });
  }
  if (!isObject(value)) throw refuse('not a mapping with "image" and "manifests"');
  const unknown = Object.keys(value).find(
    (key) => !['image', 'tags', 'manifests', 'annotations'].includes(key),
  );
  if (unknown !== undefined)
    throw refuse(`"${unknown}" is no field: image, tags, manifests and annotations are`);
  const { image, tags, manifests, annotations } = value;
  if (typeof image !== 'string' || image === '') throw refuse('"image" names no image');
  if (!Array.isArray(manifests)) throw refuse('"manifests" is no list');
  if (manifests.length > maxSpecEntries)
    throw failure('LIMIT', 'read', path, `more than ${maxSpecEntries} manifests`);
  return {
    image,
    tags: texts(tags, 'tags', refuse),
    manifests: manifests.map((entry, at) => parseEntry(entry, at, refuse)),
    annotations: textMap(annotations, refuse),
  };
}

type Refuse = (what: string) => Error;

function parseEntry(entry: unknown, at: number, refuse: Refuse): SpecEntry {
  const place = `manifests[${at}]`;
  if (!isObject(entry) || typeof entry.image !== 'string') throw refuse(`${place} names no image`);
  const unknown = Object.keys(entry).find((key) => key !== 'image' && key !== 'platform');
  if (unknown !== undefined) throw refuse(`${place}: "${unknown}" is no field: image and platform are`);
  return { image: entry.image, platform: parsePlatformFields(entry.platform, place, refuse) };
}

/** The Go types have no names of their own for YAML: their fields are lower case there. The specification's names are taken too. */
const platformFields: Readonly<Record<string, keyof Platform>> = {
  architecture: 'architecture',
  os: 'os',
  variant: 'variant',
  osversion: 'os.version',
  'os.version': 'os.version',
  osfeatures: 'os.features',
  'os.features': 'os.features',
};

function parsePlatformFields(value: unknown, place: string, refuse: Refuse): Partial<Platform> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw refuse(`${place}.platform is no mapping`);
  const fields = Object.entries(value).flatMap(([key, field]): [keyof Platform, string | string[]][] => {
    const name = Object.hasOwn(platformFields, key) ? platformFields[key] : undefined;
    if (name === undefined) throw refuse(`${place}.platform: "${key}" is no field of a platform`);
    if (field === null || field === '') return [];
    if (name === 'os.features') return [[name, texts(field, `${place}.platform.${key}`, refuse)]];
    if (typeof field !== 'string' && typeof field !== 'number')
      throw refuse(`${place}.platform.${key} is no text`);
    return [[name, String(field)]];
  });
  return Object.fromEntries(fields) as Partial<Platform>;
}

/** `1.0` unquoted is a number in YAML, and a tag all the same. */
function texts(value: unknown, place: string, refuse: Refuse): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refuse(`"${place}" is no list`);
  return value.map((item) => {
    if (typeof item === 'string' || typeof item === 'number') return String(item);
    throw refuse(`"${place}" has an item that is no text`);
  });
}

function textMap(value: unknown, refuse: Refuse): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw refuse('"annotations" is no mapping');
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (isObject(item) || Array.isArray(item)) throw refuse(`annotations: "${key}" is no text`);
      return [key, String(item)];
    }),
  );
}
