import type { Dockerfile, Instruction } from '../dockerfile/instruction.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import type { Stages } from './read-stages.ts';

/** The rules that the text alone decides: all stages are looked at, whichever is built. */
export function lintFile(
  { emptyContinuations, instructions }: Dockerfile,
  { stages }: Stages,
  lint: Lint,
): void {
  for (const line of emptyContinuations) {
    lint.report(rules.NoEmptyContinuation, { startLine: line, endLine: line });
  }
  for (const instruction of instructions) lintInstruction(instruction, lint);
  lintStageNames(stages, lint);
  lintCasing(instructions, lint);
}

function lintInstruction(instruction: Instruction, lint: Lint): void {
  const { keyword, written, body, range } = instruction;
  if (keyword === 'MAINTAINER') lint.report(rules.MaintainerDeprecated, range);
  if (body.form !== 'words') return;
  if (keyword === 'FROM') {
    const [, as, name] = body.words;
    if (as === undefined || name === undefined) return;
    if (name !== name.toLowerCase()) lint.report(rules.StageNameCasing, range, name);
    if (isLower(written) ? !isLower(as) : isUpper(written) && !isUpper(as)) {
      lint.report(rules.FromAsCasing, range, written, as);
    }
    lintDescription(instruction, [name.toLowerCase()], lint);
  }
  if (keyword === 'ARG') {
    lintDescription(
      instruction,
      body.words.map((word) => word.replace(/=.*/s, '')),
      lint,
    );
  }
}

function lintDescription(
  { keyword, comments, range }: Instruction,
  names: readonly string[],
  lint: Lint,
): void {
  const [word] = comments.at(-1)?.split(' ') ?? [];
  if (word === undefined || names.includes(word)) return;
  lint.report(
    rules.InvalidDefinitionDescription,
    range,
    keyword,
    names.length === 1 ? (names[0] ?? '') : '<arg_key>',
  );
}

function lintStageNames(stages: Stages['stages'], lint: Lint): void {
  const names = new Set<string>();
  for (const { from } of stages) {
    const { name, instruction } = from;
    if (name === undefined) continue;
    if (name === 'context' || name === 'scratch')
      lint.report(rules.ReservedStageName, instruction.range, name);
    if (names.has(name)) lint.report(rules.DuplicateStageName, instruction.range, name);
    names.add(name);
  }
}

/** All in upper or all in lower case, as most of them are; ARGs before the first FROM do not count. */
function lintCasing(instructions: readonly Instruction[], lint: Lint): void {
  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const counted = instructions.slice(first);
  // A file writes few words: each is looked at once.
  const casings = new Map<string, number>();
  for (const { written } of counted) casings.set(written, (casings.get(written) ?? 0) + 1);
  let [lower, upper] = [0, 0];
  for (const [written, count] of casings) {
    if (isLower(written)) lower += count;
    if (isUpper(written)) upper += count;
  }
  const [isRight, casing] =
    lower > upper ? ([isLower, 'lowercase'] as const) : ([isUpper, 'uppercase'] as const);
  const wrong = new Set([...casings.keys()].filter((written) => !isRight(written)));
  if (wrong.size === 0) return;
  for (const { written, range } of counted) {
    if (wrong.has(written)) lint.report(rules.ConsistentInstructionCasing, range, written, casing);
  }
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}

function isUpper(text: string): boolean {
  return text === text.toUpperCase();
}
