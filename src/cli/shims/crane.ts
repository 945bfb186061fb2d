import type { Command } from 'commander';
import { appendCommand, mutateCommand, rebaseCommand } from './crane/change-commands.ts';
import { exportCommand, validateCommand } from './crane/content-commands.ts';
import { copyCommand } from './crane/copy-command.ts';
import { configCommand, digestCommand, lsCommand, manifestCommand } from './crane/read-commands.ts';

/** crane's command line: one commander program, for its global flags stand before or behind the command's name. */
export function command(program: Command, { signal }: { signal: AbortSignal }): Command {
  // Before the commands are made: they inherit it.
  program
    .description(
      'crane’s command line. What is not listed is refused; docs/shims/crane.md says what is covered.',
    )
    .option('--insecure', 'allow plain HTTP, and certificates that nobody vouches for')
    .option('--platform <platform>', 'os/arch[/variant], or all (default: all)')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  appendCommand(program.command('append'), signal);
  configCommand(program.command('config'), signal);
  copyCommand(program.command('copy').alias('cp'), signal);
  digestCommand(program.command('digest'), signal);
  exportCommand(program.command('export'), signal);
  lsCommand(program.command('ls'), signal);
  manifestCommand(program.command('manifest'), signal);
  mutateCommand(program.command('mutate'), signal);
  rebaseCommand(program.command('rebase'), signal);
  validateCommand(program.command('validate'), signal);
  return program;
}
