import { isFailure } from '../../lib/errors.ts';
import { suggestExactCase } from '../../lib/suggest.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Expansion } from '../dockerfile/expand.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import type { From } from './instructions/from.ts';

/** Variables of a FROM that no ARG before the first FROM declares. */
export function lintFromVariables(
  from: From,
  unset: ReadonlySet<string>,
  declared: ReadonlySet<string>,
  lint: Lint,
): void {
  for (const name of unset) {
    if (declared.has(name)) continue;
    lint.report(
      rules.UndefinedArgInFrom,
      from.instruction.range,
      name,
      suggestExactCase(name, declared) ?? '',
    );
  }
}

/** A platform that says nothing, or says the same whatever is asked for. */
export function lintFromPlatform(
  from: From,
  { text, used, unset }: Expansion,
  targetPlatform: string | undefined,
  lint: Lint,
): void {
  const { range } = from.instruction;
  if (used.size === 1 && unset.size === 0 && used.has('TARGETPLATFORM') && text === targetPlatform) {
    lint.report(rules.RedundantTargetPlatform, range, from.platform ?? '');
  }
  if (used.size > 0 || unset.size > 0) return;
  try {
    const { os, architecture } = parsePlatform(text);
    const name = from.name ?? '';
    if (name.includes(os) || name.includes(architecture)) return;
    lint.report(rules.FromPlatformFlagConstDisallowed, range, text);
  } catch (error) {
    if (!isFailure(error)) throw error;
  }
}

/** A base whose name, with the ARGs' defaults alone, is none. `defaults` is undefined where they can't be filled in. */
export function lintFromDefault(from: From, withDefaults: string, lint: Lint): void {
  if (withDefaults === '' || !isReference(withDefaults)) {
    lint.report(rules.InvalidDefaultArgInFrom, from.instruction.range, from.base);
  }
}

export function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (isFailure(error)) return false;
    throw error;
  }
}
