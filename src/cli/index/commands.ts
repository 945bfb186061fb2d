import type { CommandTable } from '../command-table.ts';

export const indexCommands: CommandTable = {
  create: {
    summary: 'Assemble an index out of images that are anywhere, and publish it',
    load: () => import('./create.ts'),
  },
  append: {
    summary: 'Add images to an index',
    load: () => import('./append.ts'),
  },
  annotate: {
    summary: 'Change what an index says of an entry, or of itself',
    load: () => import('./annotate.ts'),
  },
  remove: {
    summary: 'Take platforms out of an index',
    load: () => import('./remove.ts'),
  },
  show: {
    summary: 'Show what an index says, entry by entry',
    load: () => import('./show.ts'),
  },
  lint: {
    summary: 'Hold an index against rules, and mend it',
    load: () => import('./lint.ts'),
  },
  push: {
    summary: 'Publish an index that was put together in the local store or elsewhere',
    load: () => import('./push.ts'),
  },
  mutate: {
    summary: 'Change the configs of an index’s images: labels, environment, user and the like',
    load: () => import('./mutate.ts'),
  },
  rebase: {
    summary: 'Swap the base under every platform of an index, without a build',
    load: () => import('./rebase.ts'),
  },
};
