/** `%v` of a string list. */
export function goList(words: readonly string[]): string {
  return `[${words.join(' ')}]`;
}

/** `%q` of a string list. */
export function goQuotedList(words: readonly string[]): string {
  return `[${words.map(goQuote).join(' ')}]`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Go's strconv.Quote. */
export function goQuote(text: string): string {
  return quotedWith('"', text);
}

/** `%q` of an integer: the character that it numbers (strconv.QuoteRune). */
export function goQuoteRune(code: number): string {
  const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return quotedWith("'", isCharacter ? String.fromCodePoint(code) : '\ufffd');
}

/** ASCII that is shown as it is between either quotes. */
const shownAsIs = /^[ !#-&(-[\]-~]*$/;

function quotedWith(quote: string, text: string): string {
  if (shownAsIs.test(text)) return quote + text + quote;
  let out = quote;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    const short = shortEscapes[character];
    if (character === quote) out += `\\${quote}`;
    else if (short !== undefined) out += short;
    else if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) out += character;
    else if (code < 0x80) out += `\\x${hex.padStart(2, '0')}`;
    else out += code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
  }
  return out + quote;
}
