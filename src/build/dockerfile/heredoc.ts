import { isSpace } from './characters.ts';
import { ExpansionError, expand } from './expand.ts';
import type { Heredoc } from './instruction.ts';

/** A heredoc's marker: all of it but the lines. */
export type HeredocMarker = Omit<Heredoc, 'content' | 'range'>;

const marker = /^(\d*)<<(-?)([^<]*)$/;
const unset = (): undefined => undefined;

/** The lines as who reads them gets them: `<<-` takes leading tabs off. */
export function heredocText({
  content,
  chomp,
}: {
  readonly content: string;
  readonly chomp: boolean;
}): string {
  return chomp ? content.replace(/(^|\n)\t+/g, '$1') : content;
}

/** The markers in an instruction's line, in order. */
export function heredocMarkers(line: string): HeredocMarker[] {
  const found: HeredocMarker[] = [];
  for (const word of wordsOf(line, { rawQuotes: true, rawEscapes: true })) {
    const heredoc = parseHeredocMarker(word);
    if (heredoc !== undefined) found.push(heredoc);
  }
  return found;
}

/** `<<EOF`, `3<<-"EOF"` and the like; undefined for any other word. */
export function parseHeredocMarker(word: string): HeredocMarker | undefined {
  const match = marker.exec(word);
  if (match === null) return undefined;
  let name = match[3] ?? '';
  while (name !== '' && isSpace(name.charAt(0))) name = name.slice(1);
  if (name === '') return undefined;
  const [plain, ...more] = wordsOf(name, {});
  const [raw] = wordsOf(name, { rawQuotes: true });
  if (plain === undefined || raw === undefined || more.length > 0) return undefined;
  return {
    name: plain,
    expand: quotesIn(plain) === quotesIn(raw),
    chomp: match[2] === '-',
    fileDescriptor: Number(match[1] || '0'),
  };
}

function quotesIn(text: string): number {
  return text.replace(/[^'"]/g, '').length;
}

/** Markers are read with `\` whatever the `escape` directive says; a line that does not lex holds none. */
function wordsOf(text: string, options: { rawQuotes?: boolean; rawEscapes?: boolean }): readonly string[] {
  try {
    return expand(text, unset, { escapeCharacter: '\\', skipUnset: true, ...options }).words;
  } catch (error) {
    if (error instanceof ExpansionError) return [];
    throw error;
  }
}
