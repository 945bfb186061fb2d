import { heredocText, parseHeredocMarker } from './heredoc.ts';
import type { Instruction } from './instruction.ts';

/** A file that a COPY or ADD has the lines of. */
export interface InlineFile {
  /** The heredoc's name: the file's own where the destination is a directory. */
  readonly name: string;
  /** `<<-` has taken its tabs off; variables are as written. */
  readonly content: string;
  /** Variables are to be filled in: `StageBuild.expandLines`. */
  readonly expand: boolean;
}

/** The sources of a COPY or ADD: paths, and behind them, as BuildKit copies them, the files that the instruction brings along. */
export interface CopySources {
  readonly paths: readonly string[];
  readonly files: readonly InlineFile[];
}

/** Tells the sources that are heredocs from those that are paths. `sources` are the instruction's words but the last. */
export function splitSources(instruction: Instruction, sources: readonly string[]): CopySources {
  const byName = new Map(instruction.heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const paths: string[] = [];
  const files: InlineFile[] = [];
  for (const source of sources) {
    const marker = parseHeredocMarker(source);
    if (marker === undefined) paths.push(source);
    else {
      const content = byName.get(marker.name)?.content ?? '';
      files.push({ name: marker.name, content: heredocText({ ...marker, content }), expand: marker.expand });
    }
  }
  return { paths, files };
}
