import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDockerfile } from './parse.ts';
import { trimPrefix, trimSuffix } from './shell-pattern.ts';

/** What a pattern of letters, `*` and `?` matches, the obvious way. */
function fits(pattern: string, text: string): boolean {
  const [first] = pattern;
  if (first === undefined) return text === '';
  const rest = pattern.slice(1);
  if (first === '*') return fits(rest, text) || (text !== '' && fits(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && fits(rest, text.slice(1));
}

const letters = (maxLength: number, of: readonly string[]) =>
  fc.array(fc.constantFrom(...of), { maxLength }).map((parts) => parts.join(''));

describe('patterns of substitutions', () => {
  test('take off what every prefix and suffix tried in turn would', () => {
    fc.assert(
      fc.property(letters(8, ['a', 'b', '/']), letters(5, ['a', 'b', '*', '?']), (text, pattern) => {
        const lengths = Array.from({ length: text.length + 1 }, (_, length) => length);
        for (const longest of [false, true]) {
          const order = longest ? lengths.toReversed() : lengths;
          const prefix = order.find((length) => fits(pattern, text.slice(0, length))) ?? 0;
          const suffix = order.find((length) => fits(pattern, text.slice(text.length - length))) ?? 0;
          assert.equal(trimPrefix(text, pattern, longest), text.slice(prefix));
          assert.equal(trimSuffix(text, pattern, longest), text.slice(0, text.length - suffix));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test('the lines of heredocs come back as they were', () => {
  const line = letters(6, ['\t', ' ', '#', '\\', '$', '<<', "'", '"', 'é', 'RUN ', 'EO']);
  const body = fc.array(line, { maxLength: 6 }).map((lines) => lines.map((text) => `${text}\n`).join(''));
  fc.assert(
    fc.property(body, body, fc.boolean(), (one, two, chomp) => {
      const dash = chomp ? '-' : '';
      const text = `FROM a\nCOPY <<${dash}EOF <<'END' /x/\n${one}EOF\n${two}END\nUSER b\n`;
      const { instructions } = parseDockerfile(text, 'Dockerfile');
      assert.equal(instructions.length, 3);
      const contents = instructions[1]?.heredocs.map(({ content }) => content);
      assert.deepEqual(contents, [one, two]);
      assert.equal(instructions[2]?.range.startLine, text.split('\n').length - 1);
    }),
    { numRuns: 500 },
  );
});
