import type { CommandTable } from '../command-table.ts';

export const images: CommandTable = {
  ls: {
    summary: 'List the images of the local store',
    load: () => import('./ls.ts'),
  },
  prune: {
    summary: 'Remove from the local store what no name reaches',
    load: () => import('./prune.ts'),
  },
  rm: {
    summary: 'Take names out of the local store',
    load: () => import('./rm.ts'),
  },
};
