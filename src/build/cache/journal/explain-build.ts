import { type JournalBuild, type JournalStep, nameOf, type StepInput } from './journal.ts';

export type Change = 'added' | 'removed' | 'changed';

export type Reason =
  /** There is no earlier build to compare with, or it had no such step. */
  | { readonly kind: 'new' }
  | { readonly kind: 'no-cache' }
  | { readonly kind: 'instruction'; readonly before: string }
  | { readonly kind: 'base'; readonly name: string; readonly before: string }
  /** A step below it came to other files. */
  | { readonly kind: 'step'; readonly stage: string; readonly number: number; readonly text: string }
  /** There are more or fewer steps below it. */
  | { readonly kind: 'steps' }
  | { readonly kind: Exclude<StepInput['kind'], 'files'>; readonly name: string; readonly change: Change }
  /** Digests of the lists, where there are two. */
  | { readonly kind: 'files'; readonly digest?: string; readonly before?: string }
  /** Nothing differs: what it made was in no cache any more. */
  | { readonly kind: 'forgotten' };

export interface ExplainedStep {
  readonly step: JournalStep;
  /** None for a step that did not run. */
  readonly reasons: readonly Reason[];
}

/** Why the steps of a build ran, compared with the build before: for each platform that it was for. */
export function explainBuild(build: JournalBuild, before: JournalBuild | undefined): ExplainedStep[] {
  const platforms = new Set(build.platforms);
  return build.steps
    .filter(({ platform }) => platforms.has(platform))
    .map((step) => ({ step, reasons: step.state === 'ran' ? reasonsOf(step, build, before) : [] }));
}

function reasonsOf(step: JournalStep, build: JournalBuild, before: JournalBuild | undefined): Reason[] {
  if (!build.cache) return [{ kind: 'no-cache' }];
  const earlier = before && counterpart(step, before.steps);
  if (before === undefined || earlier === undefined) return [{ kind: 'new' }];
  const changes = inputReasons(step.inputs, earlier.inputs);
  const isOwn = ({ kind }: Reason) => kind === 'command' || kind === 'option';
  // Its text has variables expanded: other words alone are no other instruction, and those that are say what changed.
  const isRewritten = step.text !== earlier.text && changes.some(isOwn);
  const reasons: Reason[] = [
    ...(isRewritten ? [{ kind: 'instruction', before: earlier.text } as const] : []),
    ...changes.filter((reason) => !isRewritten || !isOwn(reason)),
    ...belowReasons(step, build, before),
  ];
  return reasons.length > 0 ? reasons : [{ kind: 'forgotten' }];
}

/** The same words in the same stage, wherever they stand now; else the same place. */
function counterpart(step: JournalStep, steps: readonly JournalStep[]): JournalStep | undefined {
  const stage = steps.filter(
    ({ platform, stage: name }) => platform === step.platform && name === step.stage,
  );
  const distance = ({ number }: JournalStep) => Math.abs(number - step.number);
  const [alike] = stage.filter(({ text }) => text === step.text).sort((a, b) => distance(a) - distance(b));
  return alike ?? stage.find(({ number }) => number === step.number);
}

function inputReasons(now: readonly StepInput[], then: readonly StepInput[]): Reason[] {
  const key = ({ kind, name }: StepInput) => `${kind} ${name}`;
  const before = new Map(then.map((input) => [key(input), input]));
  const after = new Map(now.map((input) => [key(input), input]));
  const reasons: Reason[] = [];
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const [input, old] = [after.get(name), before.get(name)];
    const known = input ?? old;
    if (known === undefined || input?.digest === old?.digest) continue;
    if (known.kind === 'files') {
      reasons.push({
        kind: 'files',
        ...(input && { digest: input.digest }),
        ...(old && { before: old.digest }),
      });
    } else {
      const change = old === undefined ? 'added' : input === undefined ? 'removed' : 'changed';
      reasons.push({ kind: known.kind, name: known.name, change });
    }
  }
  return reasons;
}

/** The lowest of what differs below a step: all above it follows. */
function belowReasons(step: JournalStep, build: JournalBuild, before: JournalBuild): Reason[] {
  const earlier = counterpart(step, before.steps);
  if (earlier === undefined) return [];
  if (step.base.digest !== earlier.base.digest)
    return [{ kind: 'base', name: step.base.name, before: earlier.base.name }];
  const [now, then] = [chainBelow(step, build.steps), chainBelow(earlier, before.steps)];
  for (const [position, { made, stage, number, text }] of now.entries()) {
    const old = then[position];
    if (old === undefined) return [{ kind: 'steps' }];
    if (made !== old.made) return [{ kind: 'step', stage, number, text }];
  }
  return then.length > now.length ? [{ kind: 'steps' }] : [];
}

/** Bottom first. */
function chainBelow(step: JournalStep, steps: readonly JournalStep[]): JournalStep[] {
  const byName = new Map(steps.map((other) => [nameOf(other), other]));
  const chain: JournalStep[] = [];
  const seen = new Set<string>();
  for (let name = step.below; name !== undefined && !seen.has(name); ) {
    seen.add(name);
    const below = byName.get(name);
    if (below === undefined) break;
    chain.unshift(below);
    name = below.below;
  }
  return chain;
}
