import type { Command } from 'commander';
import { version } from '../../../lib/version.ts';
import { copyCommand } from './copy.ts';
import { deleteCommand } from './delete.ts';
import { globalOptions } from './global-options.ts';
import { inspectCommand } from './inspect.ts';
import { listTagsCommand } from './list-tags.ts';
import { manifestDigestCommand } from './manifest-digest.ts';
import { syncCommand } from './sync.ts';

/** skopeo's command line, with its options in front of the command. What is not here is refused; docs/skopeo.md says what is. */
export function command(program: Command, context: { signal: AbortSignal }): Command {
  // Before the commands are made: they inherit it.
  globalOptions(program)
    .description('Take skopeo’s command line. What is not listed is refused.')
    .version(`polyarch ${version}, in place of skopeo`, '-v, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  copyCommand(program, context);
  deleteCommand(program, context);
  inspectCommand(program, context);
  listTagsCommand(program, context);
  manifestDigestCommand(program);
  syncCommand(program, context);
  return program;
}
