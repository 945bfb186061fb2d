import { heredocText, parseHeredocMarker } from './heredoc.ts';
import type { Instruction } from './instruction.ts';

/**
 * What a RUN with heredocs runs (BuildKit dispatchRun).
 *
 * - `RUN <<EOF`, and the lines begin with `#!`: `program`, a file of that name, mode 0755, that is mounted read-only in `/dev/pipes`; its path
 *   is the text that the shell gets. Never so on Windows.
 * - `RUN <<EOF` otherwise: `shell`, the lines are the text that the shell gets.
 * - Anything else, as `RUN python3 <<EOF` or `RUN cat <<A <<B >x`: `shell`, the instruction's line with the heredocs' lines put back behind it; the
 *   shell itself reads them.
 */
export type HeredocCommand =
  | { readonly kind: 'program'; readonly name: string; readonly content: string }
  | { readonly kind: 'shell'; readonly text: string };

/** Undefined for a RUN without heredocs. */
export function heredocCommand(
  { body, heredocs }: Instruction,
  options: { readonly os: string },
): HeredocCommand | undefined {
  const [first] = heredocs;
  if (first === undefined || body.form !== 'shell') return undefined;
  if (parseHeredocMarker(body.text) === undefined) {
    const parts = heredocs.flatMap(({ content, name }) => ['\n', content, name]);
    return { kind: 'shell', text: [body.text, ...parts].join('') };
  }
  const content = heredocText(first);
  // The first line as it stands in the file decides, before tabs are taken off.
  if (options.os !== 'windows' && first.content.startsWith('#!')) {
    return { kind: 'program', name: first.name, content };
  }
  return { kind: 'shell', text: content };
}
