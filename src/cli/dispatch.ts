import { type CommandEntry, type CommandTable, isGroup } from './command-table.ts';

const usageExit = 2;

interface Page {
  /** What has been typed so far: `polyarch index`. */
  readonly path: string;
  readonly summary: string;
  readonly table: CommandTable;
}

/** Walks the words into the tables down to a command, loads that one alone and runs it. Resolves to the exit code. */
export async function dispatch(page: Page, argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(groupHelp(page));
    return name === undefined ? usageExit : 0;
  }
  const entry: CommandEntry | undefined = Object.hasOwn(page.table, name) ? page.table[name] : undefined;
  if (entry === undefined) {
    const { didYouMean } = await import('../lib/suggest.ts');
    const what = name.startsWith('-')
      ? `a command comes before its options`
      : `no such command${didYouMean(name, Object.keys(page.table))}`;
    process.stderr.write(
      `error: Cannot run "${page.path} ${name}": ${what}\nhint: ${page.path} --help lists the commands\n`,
    );
    return usageExit;
  }
  const path = `${page.path} ${name}`;
  if (isGroup(entry)) {
    return await dispatch({ path, summary: entry.summary, table: await entry.subcommands() }, rest);
  }
  const { execute } = await import('./execute.ts');
  return await execute(path, entry, rest);
}

/** The help of a command that has commands below it. */
export function groupHelp({ path, summary, table }: Page): string {
  const width = Math.max(...Object.keys(table).map((name) => name.length));
  const lines = Object.entries(table).map(([name, entry]) => `  ${name.padEnd(width)}  ${entry.summary}`);
  return [
    summary,
    '',
    `Usage: ${path} COMMAND [OPTIONS]`,
    '',
    'Commands:',
    ...lines,
    '',
    `${path} COMMAND --help shows the options of a command.`,
    '',
  ].join('\n');
}
