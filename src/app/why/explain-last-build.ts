import { join } from 'node:path';
import { explainBuild, type Reason } from '../../build/cache/journal/explain-build.ts';
import { type FileChange, FileLists } from '../../build/cache/journal/file-lists.ts';
import { type Journal, type JournalStep, JournalStore } from '../../build/cache/journal/journal.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { localName, openLocalStore } from '../stores.ts';
import { parseStepName, type StepName } from './step-name.ts';

export interface ExplainLastBuildOptions {
  /** An image, by its reference or digest, or a step as a build prints it: `[final 4/6]`. Default: all steps of the last build that ran one. */
  readonly about?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export type ShownReason =
  | Exclude<Reason, { kind: 'files' }>
  | {
      readonly kind: 'files';
      /** Undefined where one of the two lists is not known. */
      readonly files?: readonly FileChange[];
      /** How many more there are. */
      readonly more: number;
    };

export interface ShownStep
  extends Pick<JournalStep, 'platform' | 'stage' | 'number' | 'total' | 'text' | 'state'> {
  readonly reasons: readonly ShownReason[];
}

export interface ExplainedBuild extends Pick<Journal, 'context' | 'dockerfile' | 'target' | 'names'> {
  /** RFC 3339. */
  readonly time: string;
  /** When the build was that it is compared with. */
  readonly before?: string;
  readonly steps: readonly ShownStep[];
}

/** Of one step. */
const maxFiles = 1000;

/** Why the steps of the last build that ran any were not found in the cache. NOT_FOUND when there was no such build, or it had no such step. */
export async function explainLastBuild(options: ExplainLastBuildOptions = {}): Promise<ExplainedBuild> {
  const { about, env } = options;
  const directory = join(dataDirectory(env), 'cache');
  const journals = await new JournalStore(directory).all();
  const step = about === undefined ? undefined : parseStepName(about);
  const journal = await chooseJournal(journals, step, options);
  const lists = new FileLists(directory);
  const steps: ShownStep[] = [];
  for (const explained of explainBuild(journal.build, journal.before)) {
    if (step !== undefined && !matches(explained.step, step)) continue;
    const { platform, stage, number, total, text, state } = explained.step;
    const reasons: ShownReason[] = [];
    for (const reason of explained.reasons) reasons.push(await shownReason(reason, lists));
    steps.push({ platform, stage, number, total, text, state, reasons });
  }
  const { context, dockerfile, target, names, build, before } = journal;
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  return {
    ...{ context, dockerfile, names, time: iso(build.time), steps },
    ...(target !== undefined && { target }),
    ...(before && { before: iso(before.time) }),
  };
}

async function chooseJournal(
  journals: readonly Journal[],
  step: StepName | undefined,
  options: ExplainLastBuildOptions,
): Promise<Journal> {
  const { about } = options;
  const [last] = journals;
  if (last === undefined) {
    throw failure(
      'NOT_FOUND',
      'explain',
      about ?? 'the last build',
      'no build on this machine ran a step yet',
      {
        hint: 'polyarch build -t NAME .',
      },
    );
  }
  if (about === undefined) return last;
  if (step !== undefined) {
    const found = journals.find(({ build }) => build.steps.some((known) => matches(known, step)));
    if (found !== undefined) return found;
    throw failure('NOT_FOUND', 'explain', about, 'no build of this machine has such a step', {
      hint: 'polyarch why shows the steps of the last build that ran one',
    });
  }
  const reference = withDefaultTag(parseReference(about));
  const name = formatReference(reference);
  const digest = reference.digest ?? (await digestOf(localName(reference), options));
  const found = journals.find(
    ({ names, results }) => names.includes(name) || (digest !== undefined && results.includes(digest)),
  );
  if (found !== undefined) return found;
  throw failure('NOT_FOUND', 'explain', about, 'no build of this machine that ran a step made it', {
    hint: 'polyarch why shows the last build that ran a step',
  });
}

async function digestOf(name: string, options: ExplainLastBuildOptions): Promise<string | undefined> {
  try {
    return (await (await openLocalStore(options)).resolve(name, options)).digest;
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function matches(step: JournalStep, { platform, stage, number, total }: StepName): boolean {
  return (
    step.number === number &&
    step.total === total &&
    (stage === undefined || step.stage === stage) &&
    (platform === undefined || step.platform === platform)
  );
}

async function shownReason(reason: Reason, lists: FileLists): Promise<ShownReason> {
  if (reason.kind !== 'files') return reason;
  const { digest, before } = reason;
  const changes =
    digest === undefined || before === undefined ? undefined : await lists.compare(before, digest);
  if (changes === undefined) return { kind: 'files', more: 0 };
  return { kind: 'files', files: changes.slice(0, maxFiles), more: Math.max(0, changes.length - maxFiles) };
}
