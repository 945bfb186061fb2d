import type { CommandTable } from '../command-table.ts';

export const indexCommands: CommandTable = {
  create: {
    summary: 'Assemble an index out of images that are anywhere, and publish it',
    load: () => import('./create.ts'),
  },
};
