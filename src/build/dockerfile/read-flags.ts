import { didYouMean } from '../../lib/suggest.ts';
import type { Instruction } from './instruction.ts';
import { invalid, type Source } from './source.ts';

/** `text` takes one value, `boolean` true, false or none, `list` may be given many times. */
export type FlagKind = 'text' | 'boolean' | 'list';

/** The values of the flags that were given. */
export type FlagValues<Kinds extends Readonly<Record<string, FlagKind>>> = {
  readonly [Name in keyof Kinds]?: Kinds[Name] extends 'boolean'
    ? boolean
    : Kinds[Name] extends 'list'
      ? readonly string[]
      : string;
};

/** Checks an instruction's flags against those that it has. DOCKERFILE for an unknown or malformed one. */
export function readFlags<const Kinds extends Readonly<Record<string, FlagKind>>>(
  source: Source,
  instruction: Instruction,
  kinds: Kinds,
): FlagValues<Kinds> {
  const values: Record<string, string | boolean | string[]> = {};
  for (const { name, value } of instruction.flags) {
    const fail = (what: string) => invalid(source, instruction.range, what);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw fail(`unknown flag: --${name}${didYouMean(name, Object.keys(kinds))}`);
    if (Object.hasOwn(values, name) && kind !== 'list') throw fail(`duplicate flag specified: --${name}`);
    if (kind === 'boolean') {
      const word = value?.toLowerCase() ?? 'true';
      if (word === '') throw fail(`missing a value on flag: --${name}`);
      if (word !== 'true' && word !== 'false') {
        throw fail(`expecting boolean value for flag --${name}, not: ${value}`);
      }
      values[name] = word === 'true';
    } else if (value === undefined) throw fail(`missing a value on flag: --${name}`);
    else if (kind === 'list') {
      const list = values[name];
      values[name] = Array.isArray(list) ? [...list, value] : [value];
    } else values[name] = value;
  }
  return values as FlagValues<Kinds>;
}
