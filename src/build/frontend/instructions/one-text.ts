import type { Instruction } from '../../dockerfile/instruction.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';

/** The one argument of MAINTAINER, STOPSIGNAL, USER and WORKDIR, which have no flags. */
export function readOneText(instruction: Instruction, source: Source): string {
  readFlags(source, instruction, {});
  const { keyword, body, range } = instruction;
  if (body.form !== 'text' || body.text === '') {
    throw invalid(source, range, `${keyword} requires exactly one argument`);
  }
  return body.text;
}
