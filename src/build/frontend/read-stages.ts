import type { Dockerfile, Instruction } from '../dockerfile/instruction.ts';
import { invalid, overLimit, type Source } from '../dockerfile/source.ts';
import type { Command } from './command.ts';
import { type ArgCommand, readArg } from './instructions/arg.ts';
import { type From, readFrom } from './instructions/from.ts';
import { readers } from './instructions/readers.ts';

/** Stages of a Dockerfile. */
const maxStages = 500;

export interface Stage {
  readonly from: From;
  readonly commands: readonly Command[];
}

export interface Stages {
  /** ARGs before the first FROM. */
  readonly globalArguments: readonly ArgCommand[];
  readonly stages: readonly Stage[];
}

/** Any instruction but FROM. */
export function readCommand(instruction: Instruction, source: Source): Command {
  const { keyword } = instruction;
  if (keyword === 'FROM') throw new Error('FROM begins a stage');
  return readers[keyword](instruction, source);
}

/** Instructions → stages. Every instruction is checked, also those of stages that are not built. */
export function readStages(dockerfile: Dockerfile): Stages {
  const { source, instructions } = dockerfile;
  const globalArguments: ArgCommand[] = [];
  const stages: { from: From; commands: Command[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') {
      if (stages.length === maxStages)
        throw overLimit(source, instruction.range, `more than ${maxStages} stages`);
      stages.push({ from: readFrom(instruction, source), commands: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage !== undefined) stage.commands.push(readCommand(instruction, source));
    else if (instruction.keyword === 'ARG') globalArguments.push(readArg(instruction, source));
    else {
      const what = `no build stage in current context: ${instruction.keyword} comes before the first FROM`;
      throw invalid(source, instruction.range, what);
    }
  }
  if (stages.length === 0) {
    throw invalid(source, { startLine: 1, endLine: 1 }, 'no stage to build: there is no FROM');
  }
  return { globalArguments, stages };
}
