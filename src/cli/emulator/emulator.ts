import type { CommandTable } from '../command-table.ts';

export const emulator: CommandTable = {
  install: {
    summary: 'Register emulators for the whole machine, as root',
    load: () => import('./install.ts'),
  },
  ls: {
    summary: 'List what this machine emulates, and could',
    load: () => import('./ls.ts'),
  },
  remove: {
    summary: 'Take emulators out of the machine’s table, as root',
    load: () => import('./remove.ts'),
  },
};
