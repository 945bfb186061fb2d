import type { CommandTable } from '../../command-table.ts';

export const dockerManifestCommands: CommandTable = {
  annotate: {
    summary: 'Add additional information to a local image manifest',
    load: () => import('./annotate.ts'),
  },
  create: {
    summary: 'Create a local manifest list for annotating and pushing to a registry',
    load: () => import('./create.ts'),
  },
  inspect: {
    summary: 'Display an image manifest, or manifest list',
    load: () => import('./inspect.ts'),
  },
  push: {
    summary: 'Push a manifest list to a repository',
    load: () => import('./push.ts'),
  },
  rm: {
    summary: 'Delete one or more manifest lists from local storage',
    load: () => import('./rm.ts'),
  },
};
