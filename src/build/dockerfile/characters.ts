const wideSpace = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** White space as Unicode's White_Space property has it, which is what Dockerfiles are split by (JavaScript's `\s` differs in U+0085 and U+FEFF). */
export function isSpace(character: string): boolean {
  if (character < '\u0085') return character === ' ' || (character >= '\t' && character <= '\r');
  return wideSpace.test(character);
}

/** Neither white space nor beyond ASCII. */
function isPlain(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

export function trimStart(text: string): string {
  if (isPlain(text.charCodeAt(0))) return text;
  let start = 0;
  while (start < text.length && isSpace(text.charAt(start))) start++;
  return text.slice(start);
}

export function trimSpace(text: string): string {
  let end = text.length;
  if (isPlain(text.charCodeAt(end - 1))) return trimStart(text);
  while (end > 0 && isSpace(text.charAt(end - 1))) end--;
  return trimStart(text.slice(0, end));
}

/** Control and format characters of a file written out, so that whoever reads a message sees them; tabs stay. */
export function writtenOut(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\t' ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
