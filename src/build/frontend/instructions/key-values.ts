import type { Instruction, Pair } from '../../dockerfile/instruction.ts';
import { rules } from '../../dockerfile/lint/rules.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';
import type { StageBuild } from '../stage-build.ts';

/** The pairs of an ENV or LABEL. */
export function readPairs(instruction: Instruction, source: Source): readonly Pair[] {
  readFlags(source, instruction, {});
  const { keyword, body, range } = instruction;
  const pairs = body.form === 'pairs' ? body.pairs : [];
  if (pairs.length === 0) throw invalid(source, range, `${keyword} requires at least one argument`);
  if (pairs.some((pair) => pair.key === ''))
    throw invalid(source, range, `${keyword} names can not be blank`);
  return pairs;
}

/** Keys and values expanded, all with the variables as they were before the instruction. */
export function expandPairs(
  stage: StageBuild,
  instruction: Instruction,
  pairs: readonly Pair[],
): [string, string][] {
  return pairs.map(({ key, value, delimited }) => {
    if (!delimited) {
      stage.context.lint.report(rules.LegacyKeyValueFormat, instruction.range, instruction.written);
    }
    return [stage.expand(instruction, key), stage.expand(instruction, value)];
  });
}
