import type { CommandReader } from '../command.ts';
import { absolute, nextWorkingDirectory } from '../container-path.ts';
import { readOneText } from './one-text.ts';

/** WORKDIR: makes the directory, owned by USER, and so a layer, unless it is `/`. */
export const readWorkdir: CommandReader = (instruction, source) => {
  const written = readOneText(instruction, source);
  return {
    instruction,
    counts: true,
    apply(stage) {
      const directory = nextWorkingDirectory(
        stage.config.WorkingDir ?? '',
        stage.expand(instruction, written),
      );
      stage.config.WorkingDir = directory;
      const path = absolute('/', directory);
      const node =
        path === '/'
          ? undefined
          : stage.addStep({ kind: 'mkdir', path, user: stage.config.User ?? '' }, [stage.node], instruction);
      stage.commit(instruction, `WORKDIR ${directory}`, node);
    },
  };
};
