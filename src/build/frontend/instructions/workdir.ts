import { rules } from '../../dockerfile/lint/rules.ts';
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
      const path = stage.expand(instruction, written);
      if (!stage.hasWorkingDirectory && !path.startsWith('/')) {
        stage.context.lint.report(rules.WorkdirRelativePath, instruction.range, path);
      }
      stage.hasWorkingDirectory = true;
      const directory = nextWorkingDirectory(stage.config.WorkingDir ?? '', path);
      stage.config.WorkingDir = directory;
      const made = absolute('/', directory);
      const node =
        made === '/'
          ? undefined
          : stage.addStep(
              { kind: 'mkdir', path: made, user: stage.config.User ?? '' },
              [stage.node],
              instruction,
            );
      stage.commit(instruction, `WORKDIR ${directory}`, node);
    },
  };
};
