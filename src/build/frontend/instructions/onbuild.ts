import type { CommandReader } from '../command.ts';

/** ONBUILD is read, so that it is checked, and not built yet. */
export const readOnbuild: CommandReader = (instruction) => ({
  instruction,
  counts: false,
  apply(stage) {
    throw stage.unsupported(instruction, 'ONBUILD');
  },
});
