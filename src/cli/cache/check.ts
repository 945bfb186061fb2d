import type { Command } from 'commander';
import { type CheckedCache, checkCache } from '../../app/cache/check-cache.ts';
import { printable } from '../../lib/redact.ts';
import { counted } from '../counted.ts';
import { ExitWith } from '../exit-with.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Read all that builds left on this machine, and hold it to its digests: contents, images, records of steps, tables of contents, leftovers, owners. Exit code 1 when something is wrong.',
    )
    .addOption(formatOption())
    .action(async ({ format }: { format: Format }) => {
      const checked = await checkCache({ signal: context.signal });
      await writeOutput([formatData(checked, format, renderChecked)]);
      if (checked.findings.some(({ level }) => level === 'wrong')) throw new ExitWith(1);
    });
}

function renderChecked({ contents, records, findings }: CheckedCache): string {
  const lines = findings.map(
    ({ level, kind, thing, message, hint }) =>
      `${level}: ${kind} ${printable(thing)}: ${printable(message)}\n  ${printable(hint)}`,
  );
  const count = (wanted: string) => findings.filter(({ level }) => level === wanted).length;
  const wrong = count('wrong') === 0 ? 'nothing wrong' : `${count('wrong')} wrong`;
  const stale = count('stale') === 0 ? '' : `, ${count('stale')} that only take space`;
  return `${[...lines, `${counted(contents, 'content')}, ${counted(records, 'record')}: ${wrong}${stale}`].join('\n')}\n`;
}
