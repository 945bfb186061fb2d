import { readFlags } from '../../dockerfile/read-flags.ts';
import type { CommandReader } from '../command.ts';
import { goQuotedList } from '../go-format.ts';
import { commandArguments, warnOfShellForm } from './shell-form.ts';

export const readCmd: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.noteLast(instruction, 'CMD');
      warnOfShellForm(stage, instruction);
      const command = commandArguments(stage, instruction);
      stage.config.Cmd = command;
      // Deprecated and without meaning on Linux, yet what Docker writes.
      stage.config.ArgsEscaped = true;
      stage.commit(instruction, `CMD ${goQuotedList(command)}`);
    },
  };
};
