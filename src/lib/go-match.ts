/** Whether a name has a wildcard of Go's filepath.Match; a backslash takes the next character's meaning away. */
export function hasWildcard(name: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/su.test(name);
}

/** Go's filepath.Match as a regular expression, or undefined when the pattern is malformed. `*` and `?` never match a slash. */
export function compileGoMatch(pattern: string): RegExp | undefined {
  const characters = [...pattern];
  const quote = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  let source = '';
  let at = 0;
  const literal = (): string | undefined => {
    let character = characters[at++];
    if (character === '\\') character = characters[at++];
    return character;
  };
  while (at < characters.length) {
    const character = characters[at];
    if (character === '*') {
      source += '[^/]*';
      at++;
    } else if (character === '?') {
      source += '[^/]';
      at++;
    } else if (character === '[') {
      at++;
      const negated = characters[at] === '^';
      if (negated) at++;
      let ranges = '';
      let count = 0;
      while (characters[at] !== ']' || count === 0) {
        if (characters[at] === '-' || characters[at] === ']') return undefined;
        const low = literal();
        let high = low;
        if (characters[at] === '-') {
          at++;
          if (characters[at] === '-' || characters[at] === ']') return undefined;
          high = literal();
        }
        if (low === undefined || high === undefined) return undefined;
        count++;
        // An inverted range matches nothing in Go; here it would be a syntax error.
        if (low <= high) ranges += `${quote(low)}-${quote(high)}`;
      }
      at++;
      source += `(?!/)[${negated ? '^' : ''}${ranges}]`;
    } else {
      const value = literal();
      if (value === undefined) return undefined;
      source += quote(value);
    }
  }
  return new RegExp(`^${source}$`, 'su');
}
