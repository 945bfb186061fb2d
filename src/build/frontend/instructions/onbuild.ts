import { isFailure } from '../../../lib/errors.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { maxInstructions, parseDockerfile } from '../../dockerfile/parse.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid, overLimit, type Source } from '../../dockerfile/source.ts';
import type { Command, CommandReader } from '../command.ts';

/** ONBUILD: recorded in the image's config, run by the builds that are FROM it, and by stages that are FROM this one. Adds no history. */
export const readOnbuild: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  const trigger = triggerText(instruction);
  return {
    instruction,
    counts: false,
    trigger,
    apply(stage) {
      stage.config.OnBuild = [...(stage.config.OnBuild ?? []), trigger];
    },
  };
};

/** The trigger on one line, variables as written, its heredocs behind it. */
function triggerText({ original, heredocs }: Instruction): string {
  const line = original.replace(/^\s*ONBUILD\s*/i, '');
  return line + heredocs.map(({ content, name }) => `\n${content}${name}`).join('');
}

/**
 * Triggers of a base, as commands that come before the stage's own. They stand at the FROM line: that is where their failures and warnings point. DOCKERFILE for
 * a trigger that is no single valid instruction.
 */
export function readTriggers(
  triggers: readonly string[],
  from: Instruction,
  source: Source,
  read: (instruction: Instruction) => Command,
): Command[] {
  if (triggers.length > maxInstructions) {
    throw overLimit(source, from.range, `a base with more than ${maxInstructions} ONBUILD triggers`);
  }
  return triggers.map((trigger) => {
    const fail = (what: string) => invalid(source, from.range, `ONBUILD trigger "${trigger}": ${what}`);
    const instructions = parsed();
    const [instruction] = instructions;
    if (instruction === undefined || instructions.length > 1) throw fail('it should be a single instruction');
    const { keyword } = instruction;
    if (keyword === 'FROM' || keyword === 'MAINTAINER' || keyword === 'ONBUILD') {
      throw fail(`${keyword} isn't allowed as an ONBUILD trigger`);
    }
    return read({ ...instruction, comments: [], range: from.range });

    function parsed(): readonly Instruction[] {
      try {
        return parseDockerfile(trigger, 'ONBUILD').instructions;
      } catch (error) {
        if (!isFailure(error, 'DOCKERFILE')) throw error;
        throw fail(error.message.replace(/^Cannot read "[^"]*": /, ''));
      }
    }
  });
}
