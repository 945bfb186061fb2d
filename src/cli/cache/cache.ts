import type { CommandTable } from '../command-table.ts';

export const cache: CommandTable = {
  check: {
    summary: 'Hold what builds left on this machine to its digests',
    load: () => import('./check.ts'),
  },
  du: {
    summary: 'Say how much everything below the data directory takes',
    load: () => import('./du.ts'),
  },
  ls: {
    summary: 'List layers of steps, extracted layers, cache mounts and sources',
    load: () => import('./ls.ts'),
  },
  prune: {
    summary: 'Remove what builds left, all of it or the least recently used',
    load: () => import('./prune.ts'),
  },
};
