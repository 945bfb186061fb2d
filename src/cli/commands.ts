import type { Command } from 'commander';

/** What a command module gives: a commander command whose action returns when the work is done. */
export interface CommandModule {
  /** `signal` is aborted by the first SIGINT or SIGTERM. */
  command(program: Command, context: { signal: AbortSignal }): Command;
}

export interface CommandEntry {
  readonly summary: string;
  /** Loaded only when the command is the one that runs. */
  readonly load: () => Promise<CommandModule>;
}

export const commands: Readonly<Record<string, CommandEntry>> = {
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
