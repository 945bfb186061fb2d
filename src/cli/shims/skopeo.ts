import type { Command } from 'commander';

type Context = { readonly signal: AbortSignal };

/** A command of skopeo: adds its options and action to `command`. */
export interface SkopeoCommand {
  define(command: Command, context: Context): Command;
}

/** skopeo's commands, by name; loaded all at once, since one commander program has them. */
export function command(program: Command, context: Context): Command {
  // Before the commands are made: they inherit it.
  program
    .description('skopeo’s command line. What is not listed is refused; docs/skopeo.md says what is covered.')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  listTags(program.command('list-tags'), context);
  return program;
}

function listTags(command: Command, { signal }: Context): Command {
  return command
    .summary('list the tags of a repository')
    .argument('<repository>', 'docker://REPOSITORY')
    .action(async (repository: string) => {
      const { listTags: list } = await import('../../app/tags/list-tags.ts');
      const { name, tags } = await list(repository, { signal });
      process.stdout.write(`${JSON.stringify({ Repository: name, Tags: tags }, null, 4)}\n`);
    });
}
