import { parseFileMode } from '../../../lib/file-mode.ts';
import { PathPatterns } from '../../../lib/path-patterns.ts';
import { redactAddresses } from '../../../lib/redact.ts';
import { parseHeredocMarker } from '../../dockerfile/heredoc.ts';
import { type InlineFile, splitSources } from '../../dockerfile/inline-files.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { rules } from '../../dockerfile/lint/rules.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';
import type { Node } from '../../graph/graph.ts';
import type { CopyOp, CopySource, FileOrigin } from '../../graph/op.ts';
import { destinationPath } from '../container-path.ts';
import type { StageBuild } from '../stage-build.ts';

export interface CopyOperands {
  /** As written. */
  readonly paths: readonly string[];
  readonly files: readonly InlineFile[];
  readonly destination: string;
}

/** The flags that COPY and ADD share, as written. */
export interface CopyFlags {
  readonly chown?: string;
  readonly chmod?: string;
  readonly link?: boolean;
  readonly parents?: boolean;
  readonly exclude?: readonly string[];
}

export interface CopyRequest extends CopyFlags, CopyOperands {
  /** What a path names, variables expanded; also as the history shows it. */
  readonly sourceOf: (path: string) => CopySource;
  /** What paths are read from, where it is a stage or an image. */
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
  const sources = splitSources(instruction, words.slice(0, -1));
  for (const { name } of sources.files) {
    if (name === '.' || name === '..' || name.includes('/'))
      throw invalid(source, range, `the heredoc's name "${name}" is no file name`);
  }
  return { ...sources, destination };
}

/** Plans the step of a COPY or ADD. */
export function planCopy(stage: StageBuild, instruction: Instruction, request: CopyRequest): void {
  const expanded = (word: string) => stage.expand(instruction, word);
  const chown = expanded(request.chown ?? '');
  const chmod = checkedMode(stage, instruction, expanded(request.chmod ?? ''));
  // BuildKit drops --link where --chmod is given.
  const link = request.link === true && chmod === '';
  if (link && chown !== '' && !/^(?:\d+|root)(?::(?:\d+|root))?$/.test(chown)) {
    const what = `--chown=${chown} with --link: the layer is made without a target that could know the name`;
    throw stage.invalid(instruction, what, 'write the owner in numbers');
  }
  const exclude = checkedPatterns(stage, instruction, request.exclude ?? []);
  const paths = request.paths.map(expanded);
  const destination = expanded(request.destination);
  const inline = inlineSources(stage, instruction, request.files);
  const sources = paths.map(request.sourceOf);
  lintIgnored(
    stage,
    instruction,
    paths.filter((_, index) => sources[index]?.origin?.kind === 'context'),
  );
  const op: CopyOp = {
    kind: 'copy',
    sources: [...sources, ...inline],
    destination: destinationPath(stage.config.WorkingDir ?? '/', destination),
    ...(chown === '' ? {} : { chown }),
    ...(chmod === '' ? {} : { chmod }),
    ...(exclude.length === 0 ? {} : { exclude }),
    ...(link ? { link } : {}),
  };
  const inputs = request.tree === undefined ? [stage.node] : [stage.node, request.tree];
  const node = stage.addStep(op, inputs, instruction);
  const words = [
    instruction.keyword,
    ...(request.parents ? ['--parents'] : []),
    ...(chown === '' ? [] : [`--chown=${chown}`]),
    ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
    ...paths.map(redactAddresses),
    ...request.files.map(({ name }) => `<<${name}`),
    destination,
  ];
  stage.commit(instruction, words.join(' '), node);
}

/** Paths of the context that the ignore file keeps out of it. */
function lintIgnored(stage: StageBuild, instruction: Instruction, paths: readonly string[]): void {
  const { lint, ignored } = stage.context;
  if (ignored.empty) return;
  const keyword = instruction.keyword === 'ADD' ? 'Add' : 'Copy';
  for (const path of paths) {
    if (ignored.matches(path)) lint.report(rules.CopyIgnoredFile, instruction.range, keyword, path);
  }
}

function inlineSources(
  stage: StageBuild,
  instruction: Instruction,
  files: readonly InlineFile[],
): CopySource[] {
  return files.map(({ name, content, expand }) => {
    const text = expand ? stage.expandLines(instruction, content) : content;
    const origin: FileOrigin = { kind: 'inline', name, content: text };
    return { origin, pattern: name, literal: true };
  });
}

/** Variables in them are not filled in, as BuildKit leaves them. */
function checkedPatterns(stage: StageBuild, instruction: Instruction, patterns: readonly string[]): string[] {
  const trimmed = patterns.map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');
  for (const pattern of trimmed) {
    try {
      new PathPatterns([pattern]);
    } catch {
      throw stage.invalid(instruction, `--exclude=${pattern}: the pattern is malformed`);
    }
  }
  return trimmed;
}

function checkedMode(stage: StageBuild, instruction: Instruction, mode: string): string {
  if (mode === '' || parseFileMode(mode) !== undefined) return mode;
  throw stage.invalid(
    instruction,
    `invalid chmod parameter: '${mode}'; it should be an octal mode between 0 and 07777, or a symbolic one such as u=rwX,go=rX`,
  );
}
