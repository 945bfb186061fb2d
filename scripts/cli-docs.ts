// Writes docs/cli.md from the commands' own --help: node scripts/cli-docs.ts

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

import { type CommandLeaf, type CommandTable, isGroup } from '../src/cli/command-table.ts';
import { commands } from '../src/cli/commands.ts';
import { groupHelp } from '../src/cli/dispatch.ts';

export const cliDocs = join(import.meta.dirname, '../docs/cli.md');

/** What `PATH --help` prints on a terminal of 80 columns. */
async function helpOf(path: string, entry: CommandLeaf): Promise<string> {
  const { command } = await entry.load();
  const { signal } = new AbortController();
  return command(new Command(path), { signal })
    .summary(entry.summary)
    .option('--debug', 'show stack traces')
    .configureOutput({ getOutHelpWidth: () => 80 })
    .helpInformation();
}

const head = `# Command line

Made from \`--help\` by \`node scripts/cli-docs.ts\`; a test fails when it is not up to date. What is not here does not exist yet.

Errors and exit codes: [errors.md](errors.md). Results go to stdout, progress and errors to stderr. \`polyarch --version\` prints the version.

| variable | meaning |
| --- | --- |
| \`POLYARCH_HOME\` | the data directory; else \`$XDG_DATA_HOME/polyarch\`, else \`~/.local/share/polyarch\` |
| \`POLYARCH_GC\` | what builds may leave on this machine, as \`build --gc\` has it |
| \`SOURCE_DATE_EPOCH\` | seconds since 1970: times in a new image are this or earlier |
| \`DOCKER_CONFIG\`, \`REGISTRY_AUTH_FILE\` | where credentials are read, as Docker's \`config.json\`; behind it podman's and skopeo's \`auth.json\` |
`;

/** A section for each command, those below a group after the group's own. */
async function sectionsOf(table: CommandTable, path: string): Promise<string[]> {
  const sections: string[] = [];
  for (const [name, entry] of Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const full = `${path} ${name}`;
    const words = full.split(' ').slice(1);
    const below = isGroup(entry) ? await entry.subcommands() : undefined;
    const help =
      below === undefined
        ? await helpOf(full, entry as CommandLeaf)
        : groupHelp({ path: full, summary: entry.summary, table: below });
    const heading = '#'.repeat(Math.min(words.length + 1, 4));
    sections.push(
      `${heading} ${words.join(' ')}\n\n${entry.summary}.\n\n\`\`\`\n${help.trimEnd()}\n\`\`\`\n`,
    );
    if (below !== undefined) sections.push(...(await sectionsOf(below, full)));
  }
  return sections;
}

export async function renderCliDocs(): Promise<string> {
  return `${head}\n${(await sectionsOf(commands, 'polyarch')).join('\n')}`;
}

if (import.meta.main) writeFileSync(cliDocs, await renderCliDocs());
