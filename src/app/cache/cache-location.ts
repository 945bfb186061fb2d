import { failure } from '../../lib/errors.ts';
import { type Location, parseLocation } from '../../oci/location.ts';

/** Where a build leaves its steps: buildx's `--cache-to`. */
export type CacheTo =
  | { readonly type: 'inline' }
  | {
      readonly type: 'registry' | 'local';
      readonly location: Location;
      /** `min`: steps whose layers are in the result; `max`: all. */
      readonly mode: 'min' | 'max';
      /** A cache that cannot be written fails the build, unless this says that it must not. */
      readonly ignoreError: boolean;
    };

type Fields = ReadonlyMap<string, string>;

/** Where a build may find steps that were made elsewhere, buildx's `--cache-from`: `type=registry,ref=REF`, `type=local,src=DIR[,tag=TAG]`, or a reference alone. USAGE. */
export function parseCacheFrom(text: string): Location {
  const fields = readFields('--cache-from', text);
  const type = typeOf('--cache-from', text, fields, ['registry', 'local']);
  allow(
    '--cache-from',
    text,
    fields,
    type === 'registry' ? ['type', 'ref'] : ['type', 'src', 'tag', 'digest'],
  );
  return locationOf('--cache-from', text, type, fields, 'src');
}

/** `type=registry,ref=REF[,mode=max]`, `type=local,dest=DIR`, `type=inline`, or a reference alone. USAGE. */
export function parseCacheTo(text: string): CacheTo {
  const fields = readFields('--cache-to', text);
  const type = typeOf('--cache-to', text, fields, ['registry', 'local', 'inline']);
  if (type === 'inline') {
    allow('--cache-to', text, fields, ['type']);
    return { type };
  }
  const place = type === 'registry' ? ['ref'] : ['dest', 'tag'];
  allow('--cache-to', text, fields, ['type', 'mode', 'ignore-error', ...place]);
  const mode = fields.get('mode') ?? 'min';
  if (mode !== 'min' && mode !== 'max') {
    throw failure('USAGE', 'use --cache-to', text, `mode is min or max, not "${mode}"`);
  }
  const ignoreError = fields.get('ignore-error') ?? 'false';
  if (ignoreError !== 'true' && ignoreError !== 'false') {
    throw failure('USAGE', 'use --cache-to', text, `ignore-error is true or false, not "${ignoreError}"`);
  }
  const location = locationOf('--cache-to', text, type, fields, 'dest');
  return { type, location, mode, ignoreError: ignoreError === 'true' };
}

/** Where cache mounts are kept, `--cache-mounts-from` and `--cache-mounts-to`: `type=registry,ref=REF`, `type=local,src|dest=DIR[,tag=TAG]`, or a reference alone. USAGE. */
export function parseMountsPlace(option: string, text: string, place: 'src' | 'dest'): Location {
  const fields = readFields(option, text);
  const type = typeOf(option, text, fields, ['registry', 'local']);
  allow(option, text, fields, type === 'registry' ? ['type', 'ref'] : ['type', place, 'tag']);
  return locationOf(option, text, type, fields, place);
}

function readFields(option: string, text: string): Fields {
  if (!text.includes('=')) {
    return new Map([
      ['type', 'registry'],
      ['ref', text],
    ]);
  }
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) throw failure('USAGE', `use ${option}`, text, `"${part}" is no name=value`);
    fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return fields;
}

function typeOf<T extends string>(option: string, text: string, fields: Fields, types: readonly T[]): T {
  const type = fields.get('type');
  const known = types.find((name) => name === type);
  if (known !== undefined) return known;
  const what = type === undefined ? 'it has no type' : `the type "${type}" is not supported`;
  throw failure('USAGE', `use ${option}`, text, what, { hint: `types are ${types.join(', ')}` });
}

function allow(option: string, text: string, fields: Fields, names: readonly string[]): void {
  const other = [...fields.keys()].find((name) => !names.includes(name));
  if (other === undefined) return;
  throw failure('USAGE', `use ${option}`, text, `"${other}" is not supported with this type`, {
    hint: `it takes ${names.join(', ')}`,
  });
}

/** A tag names the cache in the directory as it does in a repository; buildx's default is `latest`. */
function locationOf(
  option: string,
  text: string,
  type: 'registry' | 'local',
  fields: Fields,
  place: 'src' | 'dest',
): Location {
  const name = type === 'registry' ? 'ref' : place;
  const value = fields.get(name);
  if (value === undefined || value === '') {
    throw failure('USAGE', `use ${option}`, text, `it has no ${name}`, {
      hint:
        type === 'registry'
          ? `${option} type=registry,ref=REGISTRY/REPOSITORY:TAG`
          : `${option} type=local,${name}=DIR`,
    });
  }
  if (type === 'registry') return parseLocation(`docker://${value}`);
  const digest = fields.get('digest');
  return parseLocation(
    digest === undefined ? `oci:${value}:${fields.get('tag') ?? 'latest'}` : `oci:${value}@${digest}`,
  );
}
