import type { CommandTable } from '../../command-table.ts';

export const imagetoolsCommands: CommandTable = {
  create: {
    summary: 'Create a new image based on source images',
    load: () => import('./create.ts'),
  },
  inspect: {
    summary: 'Show details of an image in the registry',
    load: () => import('./inspect.ts'),
  },
};
