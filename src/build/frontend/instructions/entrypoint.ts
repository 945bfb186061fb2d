import { readFlags } from '../../dockerfile/read-flags.ts';
import type { CommandReader } from '../command.ts';
import { goQuotedList } from '../go-format.ts';
import { commandArguments, warnOfShellForm } from './shell-form.ts';

/** ENTRYPOINT: clears a CMD that was inherited, not one of the same stage. */
export const readEntrypoint: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.noteLast(instruction, 'ENTRYPOINT');
      warnOfShellForm(stage, instruction);
      const command = commandArguments(stage, instruction);
      stage.config.Entrypoint = command;
      if (!stage.last.has('CMD')) delete stage.config.Cmd;
      stage.commit(instruction, `ENTRYPOINT ${goQuotedList(command)}`);
    },
  };
};
