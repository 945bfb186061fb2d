import type { CommandTable } from '../command-table.ts';

export const emulator: CommandTable = {
  install: {
    summary: 'Register emulators for the whole machine, as root, or fetch them for own builds',
    load: () => import('./install.ts'),
  },
  ls: {
    summary: 'List what this machine emulates, and could',
    load: () => import('./ls.ts'),
  },
  remove: {
    summary: 'Take emulators out of the machine’s table, as root, or those of own builds away',
    load: () => import('./remove.ts'),
  },
};
