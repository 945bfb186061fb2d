import type { Instruction } from '../../dockerfile/instruction.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';
import type { Command } from '../command.ts';
import { nonEnvironment } from '../platform-arguments.ts';
import type { DeclaredArgument } from '../stage-build.ts';
import { lintSecretName } from './secret-names.ts';

export interface ArgCommand extends Command {
  /** As written: values are not expanded yet. */
  readonly declared: readonly DeclaredArgument[];
}

/**
 * ARG: `--build-arg` wins over the default; without either the global or automatic argument of that name is taken. From here on it is a
 * variable like those of ENV: the later line wins.
 */
export function readArg(instruction: Instruction, source: Source): ArgCommand {
  const declared = declaredArguments(instruction, source);
  return {
    instruction,
    counts: false,
    declared,
    apply(stage) {
      const { buildArgs, globalArguments } = stage.context;
      const shown = declared.map(({ key, value: fallback }) => {
        lintSecretName(stage, instruction, key);
        let value: string | undefined;
        if (Object.hasOwn(buildArgs, key)) value = buildArgs[key];
        else if (fallback !== undefined) value = stage.expand(instruction, fallback);
        else value = globalArguments.get(key);
        if (value !== undefined && !nonEnvironment.has(key)) stage.setVariable(instruction, key, value);
        stage.arguments.push({ key, ...(value === undefined ? {} : { value }) });
        return value === undefined ? key : `${key}=${value}`;
      });
      stage.commit(instruction, `ARG ${shown.join(' ')}`);
    },
  };
}

function declaredArguments(instruction: Instruction, source: Source): DeclaredArgument[] {
  const words = instruction.body.form === 'words' ? instruction.body.words : [];
  if (words.length === 0) throw invalid(source, instruction.range, 'ARG requires at least one argument');
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw invalid(source, instruction.range, 'ARG names can not be blank');
    return equals < 0 ? { key: word } : { key: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}
