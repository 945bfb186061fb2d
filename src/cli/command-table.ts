import type { Command } from 'commander';

/** What a command module gives: a commander command whose action returns when the work is done. */
export interface CommandModule {
  /** `signal` is aborted by the first SIGINT or SIGTERM. */
  command(program: Command, context: { signal: AbortSignal }): Command;
}

/** A command that does something. */
export interface CommandLeaf {
  readonly summary: string;
  /** Loaded only when the command is the one that runs. */
  readonly load: () => Promise<CommandModule>;
}

/** A command that has commands below it: `index create`. */
export interface CommandGroup {
  readonly summary: string;
  /** Loaded only when a word follows the group's name. */
  readonly subcommands: () => Promise<CommandTable>;
}

export type CommandEntry = CommandLeaf | CommandGroup;
export type CommandTable = Readonly<Record<string, CommandEntry>>;

export const isGroup = (entry: CommandEntry): entry is CommandGroup => 'subcommands' in entry;
