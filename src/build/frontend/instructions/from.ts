import type { Instruction } from '../../dockerfile/instruction.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';

/** FROM as written: variables are not expanded yet. */
export interface From {
  readonly instruction: Instruction;
  /** An earlier stage's name, `scratch`, or an image. */
  readonly base: string;
  readonly platform?: string;
  /** Lower case. */
  readonly name?: string;
}

export function readFrom(instruction: Instruction, source: Source): From {
  const { platform } = readFlags(source, instruction, { platform: 'text' });
  const words = instruction.body.form === 'words' ? instruction.body.words : [];
  const [base, as, written] = words;
  if (base === undefined || !(words.length === 1 || (words.length === 3 && as?.toLowerCase() === 'as'))) {
    throw invalid(
      source,
      instruction.range,
      'FROM requires either one argument, or three: FROM <source> AS <name>',
    );
  }
  const name = written?.toLowerCase();
  if (name !== undefined && !/^[a-z][a-z0-9\-_.]*$/.test(name)) {
    const what = `invalid name for build stage: "${written}", a name can't start with a number or contain symbols`;
    throw invalid(source, instruction.range, what);
  }
  return {
    instruction,
    base,
    ...(platform ? { platform } : {}),
    ...(name === undefined ? {} : { name }),
  };
}
