import type { CommandTable } from '../command-table.ts';

export const tags: CommandTable = {
  ls: {
    summary: 'List the tags of a repository in a registry',
    load: () => import('./ls.ts'),
  },
  rm: {
    summary: 'Remove tags from a registry',
    load: () => import('./rm.ts'),
  },
};
