import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { goList } from '../go-format.ts';

export const readShell: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  const { body, range } = instruction;
  if (body.form === 'exec' ? body.arguments.length === 0 : body.form === 'shell' && body.text === '') {
    throw invalid(source, range, 'SHELL requires at least one argument');
  }
  if (body.form !== 'exec') throw invalid(source, range, 'SHELL requires the arguments to be in JSON form');
  const shell = body.arguments;
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.config.Shell = [...shell];
      stage.commit(instruction, `SHELL ${goList(shell)}`);
    },
  };
};
