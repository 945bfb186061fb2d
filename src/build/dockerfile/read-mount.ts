import { parseByteSize } from '../../lib/byte-size.ts';
import { parseGoBoolean } from '../../lib/go-boolean.ts';
import { didYouMean } from '../../lib/suggest.ts';
import { csvFields } from './csv-fields.ts';

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const sharings = ['shared', 'private', 'locked'] as const;
const keys = [
  ...[
    'type',
    'from',
    'source',
    'target',
    'readonly',
    'id',
    'sharing',
    'required',
    'size',
    'mode',
    'uid',
    'gid',
  ],
  ...['src', 'dst', 'destination', 'ro', 'rw', 'readwrite', 'env'],
];

/** The value of a RUN's `--mount`, as it is written: nothing has its default yet but `type` and `readOnly`. */
export interface Mount {
  readonly type: (typeof types)[number];
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Bytes; 0: not limited. */
  readonly size: number;
  readonly id: string;
  readonly sharing?: (typeof sharings)[number];
  readonly required: boolean;
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface ReadMountOptions {
  /** Fills in a value's variables. */
  readonly expand: (value: string) => string;
  /** The error for what is wrong. */
  readonly fail: (what: string) => Error;
}

/** What can be said of a mount before its variables have values: its form, and the stage or image that it needs (BuildKit parseMount without expander). */
export function mountSource(text: string, fail: (what: string) => Error): string | undefined {
  let from: string | undefined;
  for (const { key, value } of fieldsOf(text, fail)) {
    if (key !== 'from' || value === undefined) continue;
    const dollar = value.indexOf('$');
    if (dollar >= 0 && dollar !== value.length - 1) {
      throw fail(`'from' doesn't support variable expansion, define alias stage instead`);
    }
    from = value;
  }
  return from || undefined;
}

/** BuildKit's parseMount (frontend/dockerfile/instructions/commands_runmount.go): the fields in their order, so that `type` counts for those behind it. */
export function readMount(text: string, { expand, fail }: ReadMountOptions): Mount {
  const mount: Mutable = { type: 'bind', from: '', source: '', target: '', size: 0, id: '', required: false };
  let readOnly: boolean | undefined;
  const ofType = (key: string, ...allowed: readonly Mount['type'][]): void => {
    if (!allowed.includes(mount.type)) throw fail(`unexpected key '${key}' for mount type '${mount.type}'`);
  };
  for (const { key, value: written, field } of fieldsOf(text, fail)) {
    if (written === undefined) {
      if (key === 'readonly' || key === 'ro') readOnly = true;
      else if (key === 'readwrite' || key === 'rw') readOnly = false;
      else if (key === 'required') {
        ofType(key, 'secret', 'ssh');
        mount.required = true;
      } else throw fail(`invalid field '${field}' must be a key=value pair`);
      continue;
    }
    const value = expand(written);
    const flag = (): boolean => {
      const read = parseGoBoolean(value);
      if (read === undefined) throw fail(`invalid value for ${key}: ${value}`);
      return read;
    };
    const number = (digits: RegExp, radix: number, what: string): number => {
      const read = digits.test(value) ? Number.parseInt(value, radix) : Number.NaN;
      if (!(read <= 0xffffffff)) throw fail(`invalid value ${value} for ${what}`);
      return read;
    };
    switch (key) {
      case 'type':
        mount.type = oneOf(types, value, 'mount type', fail);
        break;
      case 'from':
        mount.from = value;
        break;
      case 'source':
      case 'src':
        mount.source = value;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount.target = value;
        break;
      case 'readonly':
      case 'ro':
        readOnly = flag();
        break;
      case 'readwrite':
      case 'rw':
        readOnly = !flag();
        break;
      case 'required':
        ofType(key, 'secret', 'ssh');
        mount.required = flag();
        break;
      case 'size': {
        ofType(key, 'tmpfs');
        const bytes = parseByteSize(value);
        if (bytes === undefined) throw fail(`invalid value for size: ${value}`);
        mount.size = bytes;
        break;
      }
      case 'id':
        mount.id = value;
        break;
      case 'sharing':
        mount.sharing = oneOf(sharings, value, 'sharing value', fail);
        break;
      case 'mode':
        mount.mode = number(/^[0-7]+$/, 8, key);
        break;
      case 'uid':
        mount.uid = number(/^\d+$/, 10, key);
        break;
      case 'gid':
        mount.gid = number(/^\d+$/, 10, key);
        break;
      case 'env':
        mount.env = value;
        break;
      default:
        throw fail(`unexpected key '${key}' in '${field}'${didYouMean(key, keys)}`);
    }
  }
  const { type } = mount;
  const made: Mount = { ...mount, readOnly: readOnly ?? (type !== 'cache' && type !== 'tmpfs') };
  checkMount(made, fail);
  return made;
}

type Mutable = { -readonly [Key in keyof Omit<Mount, 'readOnly'>]: Mount[Key] };

function checkMount(mount: Mount, fail: (what: string) => Error): void {
  const { type } = mount;
  for (const key of ['mode', 'uid', 'gid'] as const) {
    if (mount[key] !== undefined && (type === 'bind' || type === 'tmpfs')) {
      throw fail(`${key} not allowed for "${type}" type mounts`);
    }
  }
  if (type === 'secret') {
    if (mount.from !== '') throw fail('secret mount should not have a from');
    if (mount.sharing !== undefined) throw fail('secret mount should not define sharing');
    if (mount.source === '' && mount.target === '' && mount.id === '') {
      throw fail('invalid secret mount. one of source, target required');
    }
    if (mount.source !== '' && mount.id !== '') throw fail(`both source and id can't be set`);
  }
  if (mount.sharing !== undefined && type !== 'cache')
    throw fail(`invalid cache sharing set for ${type} mount`);
  // BuildKit takes `env` for any type and does nothing with it.
  if (mount.env !== undefined && type !== 'secret')
    throw fail(`unexpected key 'env' for mount type '${type}'`);
}

interface Field {
  readonly key: string;
  /** None where there is no `=`. */
  readonly value?: string;
  readonly field: string;
}

function fieldsOf(text: string, fail: (what: string) => Error): Field[] {
  const fields = csvFields(text);
  if (typeof fields === 'string') throw fail(`failed to parse csv mounts: ${fields}`);
  return fields.map((field) => {
    const equals = field.indexOf('=');
    if (equals < 0) return { key: field.toLowerCase(), field };
    return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1), field };
  });
}

function oneOf<T extends string>(
  known: readonly T[],
  value: string,
  what: string,
  fail: (what: string) => Error,
): T {
  const found = known.find((word) => word === value.toLowerCase());
  if (found === undefined) throw fail(`unsupported ${what} "${value}"${didYouMean(value, known)}`);
  return found;
}
