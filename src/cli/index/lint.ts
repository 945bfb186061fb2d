import { type Command, Option } from 'commander';
import { type FixedIndex, fixIndexAt, lintIndex } from '../../app/index/lint-index.ts';
import type { LintFinding, Severity } from '../../index/lint/lint-rule.ts';
import { printable } from '../../lib/redact.ts';
import { ExitWith } from '../exit-with.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { verbOf } from './render-written.ts';
import { eventWriter } from './write-result.ts';

interface Flags extends RegistryFlags {
  readonly fix?: true;
  readonly dryRun?: true;
  readonly failOn: Severity;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Hold an index against the rules of docs/lint/index. Exit code 1 when something is found, or left after --fix.',
    )
    .argument('<reference>', 'an index, of any transport')
    .option('--fix', 'mend what can be mended, and publish the result under the same name')
    .option('--dry-run', 'with --fix: say what would be mended, and push nothing')
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 only when something of this severity or worse is found')
        .choices(['warning', 'error'])
        .default('warning'),
    )
    .addOption(formatOption())
    .action(async (reference: string, flags: Flags) => {
      const options = {
        registry: registrySettings(flags),
        signal: context.signal,
        onEvent: eventWriter({}),
      };
      const linted: FixedIndex = flags.fix
        ? await fixIndexAt({ ...options, target: reference, dryRun: flags.dryRun })
        : { ...(await lintIndex(reference, options)), fixed: [] };
      const { written, ...shown } = linted;
      const data = { ...shown, ...(written === undefined ? {} : { digest: written.digest }) };
      process.stdout.write(
        formatData(data, flags.format, (shown) => render(shown, verbOf(shown.reference, flags))),
      );
      const bad = linted.findings.some(({ severity }) => severity === 'error' || flags.failOn === 'warning');
      if (bad) throw new ExitWith(1);
    });
  return addRegistryOptions(program);
}

function render(linted: Omit<FixedIndex, 'written'> & { digest?: string }, verb: string): string {
  const lines = [
    ...linted.fixed.map((finding) => `fixed    ${line(finding)}`),
    ...linted.findings.map((finding) => `${finding.severity.padEnd('warning'.length)}  ${line(finding)}`),
    ...(linted.digest === undefined ? [] : [`${verb} ${linted.reference}@${linted.digest}`]),
  ];
  return lines.length === 0 ? `${linted.reference}: nothing found\n` : `${lines.join('\n')}\n`;
}

function line({ rule, entry, what, url }: LintFinding): string {
  return printable(`${rule}: ${entry === undefined ? '' : `${entry}: `}${what} (${url})`);
}
