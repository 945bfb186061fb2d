/**
 * One line of comma-separated values: a field that begins with `"` ends with one and holds commas, `""` stands for a quote in it. A text instead
 * of fields says what is wrong (Go's encoding/csv).
 */
export function csvFields(line: string): readonly string[] | string {
  const fields: string[] = [];
  for (let rest: string | undefined = line; rest !== undefined; ) {
    const quoted: RegExpExecArray | null = /^"((?:[^"]|"")*)"(,|$)/.exec(rest);
    const plain: RegExpExecArray | null = quoted ? null : /^([^",][^",]*|)(,|$)/.exec(rest);
    const found: RegExpExecArray | null = quoted ?? plain;
    if (found === null)
      return rest.startsWith('"') ? 'extraneous or missing " in quoted-field' : 'bare " in non-quoted-field';
    fields.push(quoted ? (found[1] ?? '').replaceAll('""', '"') : (found[1] ?? ''));
    rest = found[2] === ',' ? rest.slice(found[0].length) : undefined;
  }
  return fields;
}
