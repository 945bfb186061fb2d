// Writes docs/cli.md from the commands' own --help: node scripts/cli-docs.ts

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

import { type CommandEntry, commands } from '../src/cli/commands.ts';

export const cliDocs = join(import.meta.dirname, '../docs/cli.md');

/** What `polyarch NAME --help` prints on a terminal of 80 columns. */
async function helpOf(name: string, entry: CommandEntry): Promise<string> {
  const { command } = await entry.load();
  const { signal } = new AbortController();
  return command(new Command(`polyarch ${name}`), { signal })
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
| \`SOURCE_DATE_EPOCH\` | seconds since 1970: times in a new image are this or earlier |
| \`DOCKER_CONFIG\`, \`REGISTRY_AUTH_FILE\` | where credentials are read, as Docker's \`config.json\` |
`;

export async function renderCliDocs(): Promise<string> {
  const sections: string[] = [];
  for (const [name, entry] of Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1))) {
    sections.push(
      `## ${name}\n\n${entry.summary}.\n\n\`\`\`\n${(await helpOf(name, entry)).trimEnd()}\n\`\`\`\n`,
    );
  }
  return `${head}\n${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(cliDocs, await renderCliDocs());
