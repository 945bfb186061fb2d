import { failure, isFailure, type PolyarchError } from '../../lib/errors.ts';
import { didYouMean } from '../../lib/suggest.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import type { Dockerfile, Instruction } from '../dockerfile/instruction.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { invalid } from '../dockerfile/source.ts';
import type { FileOrigin } from '../graph/op.ts';
import type { Budget } from './budget.ts';
import type { Command } from './command.ts';
import { readTriggers } from './instructions/onbuild.ts';
import { isReference, lintFromDefault, lintFromPlatform, lintFromVariables } from './lint-from.ts';
import { contextName } from './named-contexts.ts';
import type { PlanRequest, ResolveBase } from './plan-request.ts';
import { platformArguments } from './platform-arguments.ts';
import { readCommand, type Stage, type Stages } from './read-stages.ts';
import { expandAt } from './stage-build.ts';

/** An image that has to be found. */
export interface ImageSource {
  readonly kind: 'image';
  readonly reference: string;
  readonly platform: Platform;
  readonly instruction: Instruction;
  /** Finds it, where that is not for `PlanOptions.resolveBase` to do. */
  readonly resolve?: ResolveBase;
}

/** What a stage builds on, or a COPY --from or a mount reads. */
export type TreeSource =
  | ImageSource
  | { readonly kind: 'scratch' }
  | { readonly kind: 'files'; readonly origin: FileOrigin }
  | { readonly kind: 'stage'; readonly index: number };

/** A stage with its FROM worked out for one platform. */
export interface LaidOutStage {
  readonly stage: Stage;
  /** Name, else number. */
  readonly label: string;
  readonly base: TreeSource;
  /** The triggers of what it is FROM, then its own. */
  readonly commands: readonly Command[];
}

/** Stages of one platform's build, and which of them the target needs. */
export interface StageLayout {
  readonly globalArguments: ReadonlyMap<string, string>;
  readonly stages: readonly LaidOutStage[];
  readonly target: number;
  /** In the order of the file: each comes behind what it needs. */
  readonly needed: readonly number[];
  /** What the `--from` of a COPY, or of a RUN's mount, in a stage means. */
  copySource(stage: number, from: string, instruction: Instruction): TreeSource;
}

export interface LayoutOptions {
  readonly platform: Platform;
  readonly budget: Budget;
  readonly lint: Lint;
  /** Every stage is needed. Default false. */
  readonly allStages?: boolean;
  /** ONBUILD triggers of base images, by the number of the stage that is FROM them. */
  readonly triggers?: ReadonlyMap<number, readonly string[]>;
}

/** Works out the FROM lines for one platform. */
export function layOutStages(
  dockerfile: Dockerfile,
  read: Stages,
  request: PlanRequest,
  options: LayoutOptions,
): StageLayout {
  const { platform, budget, triggers, lint } = options;
  const context = { source: dockerfile.source, escapeCharacter: dockerfile.escapeCharacter, budget };
  const targetStage = request.target ?? read.stages.at(-1)?.from.name ?? '';
  const globals = platformArguments(request.buildPlatform, platform, targetStage, request.buildArgs);
  lintDefaults(read, new Map(globals), context, lint);
  declareGlobals(read, globals, context, request.buildArgs);

  const declared = new Set(globals.keys());
  for (const command of read.globalArguments) for (const { key } of command.declared) declared.add(key);
  const byName = new Map<string, number>();
  const stages: LaidOutStage[] = [];
  // Told when all FROM lines were looked at: what is to be warned of in the others is, too.
  let noReference: PolyarchError | undefined;
  for (const [index, stage] of read.stages.entries()) stages.push(layOut(stage, index));
  if (noReference !== undefined) throw noReference;

  function layOut(stage: Stage, index: number): LaidOutStage {
    const { from } = stage;
    const fail = (what: string) => invalid(dockerfile.source, from.instruction.range, what);
    const expansion = expandAt(context, from.instruction, from.base, globals);
    lintFromVariables(from, expansion.unset, declared, lint);
    const hint = [...expansion.unset].map((name) => didYouMean(name, globals.keys())).join('');
    if (expansion.text === '') throw fail(`base name (${from.base}) should not be blank${hint}`);
    const stagePlatform = from.platform === undefined ? platform : stagePlatformOf(from.platform);
    const known = byName.get(expansion.text);
    const { instruction } = from;
    const replaced = from.name === undefined ? undefined : named(from.name, stagePlatform, instruction);
    if (from.name !== undefined) byName.set(from.name, index);
    const label = from.name ?? String(index);
    // A context of the stage's name takes the stage's place, with all that it does.
    if (replaced !== undefined) return { stage, label, base: replaced, commands: [] };
    if (known !== undefined) {
      const inherited = stages[known]?.commands.flatMap(({ trigger }) => trigger ?? []) ?? [];
      return { stage, label, base: { kind: 'stage', index: known }, commands: withTriggers(inherited) };
    }
    if (expansion.text === 'scratch') {
      return { stage, label, base: { kind: 'scratch' }, commands: stage.commands };
    }
    const other = named(expansion.text, stagePlatform, instruction);
    if (other !== undefined) {
      const found = other.kind === 'image' ? (triggers?.get(index) ?? []) : [];
      return { stage, label, base: other, commands: withTriggers(found) };
    }
    if (!isReference(expansion.text)) {
      noReference ??= fail(`failed to parse stage name "${expansion.text}": invalid reference format`);
    }
    return {
      stage,
      label,
      base: { kind: 'image', reference: expansion.text, platform: stagePlatform, instruction },
      commands: withTriggers(triggers?.get(index) ?? []),
    };

    function withTriggers(texts: readonly string[]): readonly Command[] {
      const { source } = dockerfile;
      return [
        ...readTriggers(texts, from.instruction, source, (one) => readCommand(one, source)),
        ...stage.commands,
      ];
    }

    function stagePlatformOf(written: string): Platform {
      const expansion = expandAt(context, from.instruction, written, globals);
      const { text, unset } = expansion;
      lintFromVariables(from, unset, declared, lint);
      lintFromPlatform(from, expansion, globals.get('TARGETPLATFORM'), lint);
      const meant = [...unset].map((name) => didYouMean(name, globals.keys())).join('');
      if (text === '') throw fail(`empty platform value from expression ${written}${meant}`);
      try {
        return parsePlatform(text);
      } catch (error) {
        if (isFailure(error))
          throw fail(`failed to parse platform ${written}: "${text}" is no platform${meant}`);
        throw error;
      }
    }
  }

  function named(name: string, wanted: Platform, instruction: Instruction): TreeSource | undefined {
    const context = request.contexts?.get(contextName(name));
    if (context === undefined) return undefined;
    if (context.kind === 'image') return { ...context, platform: wanted, instruction };
    if (context.kind !== 'stage') return context;
    const index = byName.get(context.name.toLowerCase());
    if (index !== undefined) return { kind: 'stage', index };
    const what = `the context "${name}" is the stage "${context.name}", which is not defined before this line`;
    throw invalid(dockerfile.source, instruction.range, what);
  }

  const copySource = (index: number, from: string, instruction: Instruction): TreeSource => {
    const fail = (what: string) => invalid(dockerfile.source, instruction.range, what);
    const number = /^[+-]?\d+$/.test(from) ? Number(from) : byName.get(from.toLowerCase());
    if (number === undefined) {
      const context = named(from, platform, instruction);
      if (context !== undefined) return context;
      return from === 'scratch'
        ? { kind: 'scratch' }
        : { kind: 'image', reference: from, platform, instruction };
    }
    if (number < 0 || number >= stages.length) throw fail(`invalid stage index ${from}`);
    if (number >= index) {
      const label = stages[index]?.label ?? '';
      throw fail(`cannot copy from stage "${from}", it needs to be defined before current stage "${label}"`);
    }
    return { kind: 'stage', index: number };
  };

  const target = targetOf(request.target, stages, byName, dockerfile.source.filename);
  return {
    globalArguments: globals,
    stages,
    target,
    needed: options.allStages ? [...stages.keys()] : neededStages(stages, target, copySource),
    copySource,
  };
}

type ExpandContext = Parameters<typeof expandAt>[0];

/** Gives the ARGs before the first FROM their values. */
function declareGlobals(
  { globalArguments }: Stages,
  globals: Map<string, string>,
  context: ExpandContext,
  buildArgs: PlanRequest['buildArgs'],
): void {
  for (const { instruction, declared } of globalArguments) {
    for (const { key, value: fallback } of declared) {
      let value: string | undefined;
      if (Object.hasOwn(buildArgs, key)) value = buildArgs[key];
      else if (fallback !== undefined) value = expandAt(context, instruction, fallback, globals).text;
      if (value !== undefined) globals.set(key, value);
    }
  }
}

/** Looks at what the bases are called when no build argument is given. What can't be expanded is told of where it is needed. */
function lintDefaults(read: Stages, globals: Map<string, string>, context: ExpandContext, lint: Lint): void {
  try {
    declareGlobals(read, globals, context, {});
    for (const { from } of read.stages) {
      lintFromDefault(from, expandAt(context, from.instruction, from.base, globals).text, lint);
    }
  } catch (error) {
    if (!isFailure(error, 'DOCKERFILE')) throw error;
  }
}

function targetOf(
  target: string | undefined,
  stages: readonly LaidOutStage[],
  byName: ReadonlyMap<string, number>,
  filename: string,
): number {
  if (target === undefined || target === '') return stages.length - 1;
  const named = byName.get(target.toLowerCase());
  if (named !== undefined) return named;
  if (/^\d+$/.test(target) && Number(target) < stages.length) return Number(target);
  const names = [...byName.keys()];
  throw failure(
    'NOT_FOUND',
    'build target',
    target,
    `${filename} has no such stage${didYouMean(target, names)}`,
    {
      hint:
        names.length === 0 ? 'its stages have no names' : `its stages are ${names.slice(0, 20).join(', ')}`,
    },
  );
}

/** The stages that the target stands on or copies from. What a stage needs is always before it. */
function neededStages(
  stages: readonly LaidOutStage[],
  target: number,
  copySource: StageLayout['copySource'],
): number[] {
  const needed = new Set([target]);
  for (let index = target; index >= 0; index--) {
    const laidOut = stages[index];
    if (laidOut === undefined || !needed.has(index)) continue;
    if (laidOut.base.kind === 'stage') needed.add(laidOut.base.index);
    for (const { from = [], instruction } of laidOut.commands) {
      for (const name of from) {
        const source = copySource(index, name, instruction);
        if (source.kind === 'stage') needed.add(source.index);
      }
    }
  }
  return [...needed].sort((a, b) => a - b);
}
