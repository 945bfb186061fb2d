import { parseHeredocMarker } from '../../dockerfile/heredoc.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';
import type { Node } from '../../graph/graph.ts';
import type { CopyOp } from '../../graph/op.ts';
import { destinationPath, sourcePattern } from '../container-path.ts';
import type { StageBuild } from '../stage-build.ts';

export interface CopyOperands {
  /** As written. */
  readonly sources: readonly string[];
  readonly destination: string;
}

export interface CopyRequest extends CopyOperands {
  readonly chown?: string;
  readonly chmod?: string;
  readonly unpack: boolean;
  /** What is read; the build context by default. */
  readonly tree?: Node;
}

/** The sources and the destination of a COPY or ADD. */
export function copyOperands(instruction: Instruction, source: Source): CopyOperands {
  const { keyword, body, range } = instruction;
  const words = body.form === 'words' ? body.words : [];
  const destination = words.at(-1);
  if (words.length < 2 || destination === undefined) {
    const what =
      words.length === 0
        ? `${keyword} requires at least two arguments`
        : `${keyword} requires at least two arguments, but only one was provided: the destination is not known`;
    throw invalid(source, range, what);
  }
  if (parseHeredocMarker(destination) !== undefined) {
    throw invalid(source, range, `${keyword} cannot accept a heredoc as a destination`);
  }
  return { sources: words.slice(0, -1), destination };
}

/** UNSUPPORTED for a flag among `names` that was given and not switched off, and for heredocs. */
export function refuseUnsupportedFlags(
  stage: StageBuild,
  instruction: Instruction,
  flags: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  for (const name of names) {
    const value = flags[name];
    if (value === undefined || value === false) continue;
    throw stage.unsupported(instruction, `${instruction.keyword} --${name}`);
  }
  if (instruction.heredocs.length > 0) {
    throw stage.unsupported(
      instruction,
      `a heredoc in ${instruction.keyword}`,
      'put the text into a file of the context',
    );
  }
}

/** Plans the step of a COPY or ADD. */
export function planCopy(stage: StageBuild, instruction: Instruction, request: CopyRequest): void {
  const expanded = (word: string) => stage.expand(instruction, word);
  const chown = request.chown === undefined ? '' : expanded(request.chown);
  const chmod = request.chmod === undefined ? '' : checkedMode(stage, instruction, expanded(request.chmod));
  const sources = request.sources.map(expanded);
  const destination = expanded(request.destination);
  const op: CopyOp = {
    kind: 'copy',
    sources: sources.map(sourcePattern),
    destination: destinationPath(stage.config.WorkingDir ?? '/', destination),
    ...(chown === '' ? {} : { chown }),
    ...(chmod === '' ? {} : { chmod }),
    unpack: request.unpack,
  };
  const node = stage.addStep(
    op,
    request.tree === undefined ? [stage.node] : [stage.node, request.tree],
    instruction,
  );
  const flags = [
    ...(chown === '' ? [] : [`--chown=${chown}`]),
    ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
  ];
  stage.commit(instruction, [instruction.keyword, ...flags, ...sources, destination].join(' '), node);
}

function checkedMode(stage: StageBuild, instruction: Instruction, mode: string): string {
  if (mode === '' || (/^[0-7]+$/.test(mode) && Number.parseInt(mode, 8) <= 0o7777)) return mode;
  if (/^[ugoa]*[-+=]/.test(mode)) {
    throw stage.unsupported(instruction, `--chmod=${mode} (symbolic modes)`, 'write the mode in octal');
  }
  throw stage.invalid(
    instruction,
    `invalid chmod parameter: '${mode}'; it must be octal, between 0 and 07777`,
  );
}
