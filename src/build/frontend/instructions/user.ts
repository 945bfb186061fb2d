import type { CommandReader } from '../command.ts';
import { readOneText } from './one-text.ts';

export const readUser: CommandReader = (instruction, source) => {
  const written = readOneText(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const user = stage.expand(instruction, written);
      stage.config.User = user;
      stage.commit(instruction, `USER ${user}`);
    },
  };
};
