import type { Instruction } from '../dockerfile/instruction.ts';
import type { Source } from '../dockerfile/source.ts';
import type { StageBuild } from './stage-build.ts';

/** An instruction that was read and found well-formed; what is not supported fails when it is applied, so that unused stages may have it. */
export interface Command {
  readonly instruction: Instruction;
  /** Whether it is one of the steps that a stage counts. */
  readonly counts: boolean;
  /** COPY --from and the mounts of a RUN: names or numbers of stages, else images. */
  readonly from?: readonly string[];
  /** ONBUILD: what builds that are FROM this stage run first. */
  readonly trigger?: string;
  apply(stage: StageBuild): void;
}

/** Throws DOCKERFILE for what is malformed. */
export type CommandReader = (instruction: Instruction, source: Source) => Command;
