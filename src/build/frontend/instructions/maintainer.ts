import type { CommandReader } from '../command.ts';
import { readOneText } from './one-text.ts';

/** MAINTAINER: the image's author. Deprecated; variables are not expanded. */
export const readMaintainer: CommandReader = (instruction, source) => {
  const author = readOneText(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.context.warnings.add(
        'MaintainerDeprecated',
        'Maintainer instruction is deprecated in favor of using label',
        instruction.range,
      );
      stage.author = author;
      stage.commit(instruction, `MAINTAINER ${author}`);
    },
  };
};
