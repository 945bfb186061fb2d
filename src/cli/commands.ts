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

export const commands: CommandTable = {
  build: {
    summary: 'Build a multi-platform image from a Dockerfile',
    load: () => import('./build.ts'),
  },
  inspect: {
    summary: 'Show the platforms of an image, or one platform’s layers and history',
    load: () => import('./inspect.ts'),
  },
  push: {
    summary: 'Copy an image from the local store to a registry',
    load: () => import('./push.ts'),
  },
  run: {
    summary: 'Run an image, of this or another architecture',
    load: () => import('./run.ts'),
  },
  serve: {
    summary: 'Serve a registry from a directory',
    load: () => import('./serve.ts'),
  },
};
