import type { CommandReader } from '../command.ts';
import { readOneText } from './one-text.ts';

/** MAINTAINER: the image's author. Deprecated; variables are not expanded. */
export const readMaintainer: CommandReader = (instruction, source) => {
  const author = readOneText(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.author = author;
      stage.commit(instruction, `MAINTAINER ${author}`);
    },
  };
};
