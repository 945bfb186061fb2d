import type { Command } from 'commander';
import {
  type ExplainedBuild,
  explainLastBuild,
  type ShownReason,
  type ShownStep,
} from '../app/why/explain-last-build.ts';
import { printable } from '../lib/redact.ts';
import { type Format, formatData, formatOption } from './format.ts';
import { table } from './table.ts';
import { writeOutput } from './write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Say which input of each step changed, so that the cache did not have it: of the last build that ran a step, compared with the one before of the same context, Dockerfile and target.',
    )
    .argument('[image|step]', 'an image, or a step as a build prints it: "[final 4/6]"')
    .addOption(formatOption())
    .action(async (about: string | undefined, { format }: { format: Format }) => {
      const explained = await explainLastBuild({ about, signal: context.signal });
      await writeOutput([formatData(explained, format, renderExplained)]);
    });
}

function renderExplained({ context, dockerfile, target, time, before, steps }: ExplainedBuild): string {
  const day = (text: string) => text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).replace('T', ' ');
  const what = [context, dockerfile, ...(target === undefined ? [] : [`target ${target}`])];
  const than = before === undefined ? 'the first that is known' : `compared with ${day(before)}`;
  const head = `${what.map(printable).join(', ')}: built ${day(time)}, ${than}`;
  const rows = steps.map((step) => [
    labelOf(step),
    step.state === 'later' ? 'not reached' : step.state,
    step.reasons.map(sentence).join('; '),
  ]);
  return `${head}\n\n${table([{ title: 'STEP' }, { title: 'STATE' }, { title: 'WHY' }], rows)}`;
}

const maxText = 48;
const maxNames = 8;

function labelOf({ platform, stage, number, total, text }: ShownStep): string {
  return `[${platform} ${stage} ${number}/${total}] ${shortened(text)}`;
}

function shortened(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText - 1)}…` : text;
}

function sentence(reason: ShownReason): string {
  switch (reason.kind) {
    case 'new':
      return 'no earlier build had it';
    case 'no-cache':
      return '--no-cache';
    case 'forgotten':
      return 'nothing changed: its layer was in no cache any more';
    case 'instruction':
      return `the instruction changed, it was: ${shortened(reason.before)}`;
    case 'base':
      return `the base image changed: ${reason.name}`;
    case 'step':
      return `[${reason.stage} ${reason.number}] below it changed: ${shortened(reason.text)}`;
    case 'steps':
      return 'steps below it were added or removed';
    case 'command':
      return `the command ${reason.change}`;
    case 'variable':
      return `variable ${reason.name} ${reason.change}`;
    case 'option':
      return `${reason.name} ${reason.change}`;
    case 'tree':
      return `files of ${reason.name} ${reason.change}`;
    case 'files':
      return filesSentence(reason);
  }
}

function filesSentence({ files, more }: ShownReason & { kind: 'files' }): string {
  if (files === undefined) return 'files changed; which ones is not known any more';
  const groups = (['changed', 'added', 'removed'] as const).flatMap((change) => {
    const names = files.filter((file) => file.change === change).map(({ path }) => path);
    return names.length === 0 ? [] : [`${change} ${shownNames(names)}`];
  });
  return `files: ${groups.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

function shownNames(names: readonly string[]): string {
  const rest = names.length - maxNames;
  return `${names.slice(0, maxNames).join(' ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
