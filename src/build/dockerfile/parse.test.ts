import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  compact,
  outcomeOf,
  parserGoldens,
  parserOutcome,
} from '../../../test/build-goldens/parser-outcome.ts';
import { cpuTime } from '../../../test/fixtures/cpu-time.ts';
import { PolyarchError } from '../../lib/errors.ts';
import type { Instruction } from './instruction.ts';
import { maxInstructions, parseDockerfile } from './parse.ts';
import type { ExactRange } from './source.ts';

describe('Dockerfile goldens (node scripts/record-goldens.ts --parser writes them)', () => {
  for (const name of readdirSync(parserGoldens).sort()) {
    test(name, () => {
      const actual = parserOutcome(name);
      assert.deepEqual(actual, JSON.parse(readFileSync(join(parserGoldens, name, 'result.json'), 'utf8')));
      assert.equal(name.startsWith('invalid-'), Object.hasOwn(actual, 'code'));
    });
  }
});

const first = (text: string) => {
  const [instruction] = parseDockerfile(text, 'Dockerfile').instructions;
  assert.ok(instruction);
  return instruction;
};

/** Without ranges. */
const plain = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === 'range' || key === 'ranges' ? undefined : inner)),
  ) as T;

describe('parsing', () => {
  test('a byte-order mark and CRLF change nothing', () => {
    const text = '# escape=`\nFROM a\nRUN b `\n  # c\n  d\nCOPY <<E /x\nbody\nE\n';
    const windows = parseDockerfile(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'D');
    const unix = parseDockerfile(text, 'D');
    const heredocs = (parsed: typeof unix) => parsed.instructions.map(({ heredocs: _, ...rest }) => rest);
    assert.deepEqual(heredocs(windows), heredocs(unix));
    assert.equal(windows.instructions[2]?.heredocs[0]?.content, 'body\r\n');
  });

  test('only a JSON array of strings is the exec form', () => {
    const body = (text: string) => plain(first(`RUN ${text}`).body);
    assert.deepEqual(body('["a", "b c"]'), { form: 'exec', arguments: ['a', 'b c'] });
    assert.deepEqual(body('[ "$x" ]'), { form: 'exec', arguments: ['$x'] });
    assert.deepEqual(body('[]'), { form: 'exec', arguments: [] });
    for (const text of ["['a']", '["a"] && b', '[ -f x ]', '["a",]']) {
      assert.deepEqual(body(text), { form: 'shell', text });
    }
    assert.throws(() => body('["a", 1]'), { code: 'DOCKERFILE' });
  });

  test('a doubled escape character continues nothing', () => {
    assert.equal(parseDockerfile('RUN a \\\\\nRUN b', 'D').instructions.length, 2);
    assert.equal(parseDockerfile('RUN a \\ \t\n b', 'D').instructions.length, 1);
  });

  test('flags end at the first word that is none, or at --', () => {
    assert.deepEqual(plain(first('COPY --from=a --chown="1:2" -- --b c').flags), [
      { name: 'from', value: 'a' },
      { name: 'chown', value: '1:2' },
    ]);
    assert.deepEqual(plain(first('RUN --mount=type=bind,a=b x --y').flags), [
      { name: 'mount', value: 'type=bind,a=b' },
    ]);
  });

  test('heredocs belong to RUN in shell form, COPY and ADD', () => {
    const [heredoc] = first("RUN <<-'EOF' cat\n\t$x\n\tEOF\n").heredocs;
    assert.deepEqual(heredoc, {
      name: 'EOF',
      expand: false,
      chomp: true,
      fileDescriptor: 0,
      content: '\t$x\n',
      range: { startLine: 2, endLine: 3 },
    });
    assert.equal(first('COPY <<A <<B /d/\na\nA\nb\nB\n').heredocs.length, 2);
    assert.deepEqual(first('RUN ["cat", "<<EOF"]').heredocs, []);
    assert.deepEqual(first('ENV a=<<EOF').heredocs, []);
  });

  test('control characters never reach a message', () => {
    assert.throws(
      () => parseDockerfile('FROM a\n\u001b[2J x\n', 'D\u0007'),
      (error) =>
        error instanceof PolyarchError &&
        !/[\u0000-\u0009\u000b-\u001f]/.test(`${error.message}${error.excerpt}`),
    );
  });

  test('has limits that are named', () => {
    assert.throws(() => parseDockerfile('RUN x\n'.repeat(maxInstructions + 1), 'D'), { code: 'LIMIT' });
    assert.throws(() => parseDockerfile('#'.repeat(3 << 20), 'D'), { code: 'LIMIT' });
  });

  test('takes time that follows the length', () => {
    const long = 150_000;
    for (const text of [
      `RUN ${'\\\n'.repeat(long)}`,
      `FROM a\n${'\n'.repeat(long)}`,
      `${'# a\n'.repeat(long / 2)}FROM a`,
      `# escape=${' '.repeat(long)}x\nFROM a`,
      `RUN ${'<<A '.repeat(long / 8)}\n`,
      `ENV ${'a=b '.repeat(long / 8)}`,
      `COPY ${'--a '.repeat(long / 8)}`,
      `RUN ${'['.repeat(long)}`,
      `ONBUILD ${'ONBUILD '.repeat(long / 8)}`,
    ]) {
      const started = cpuTime();
      outcomeOf(text);
      assert.ok(cpuTime() - started < 3000, text.slice(0, 20));
    }
  });

  test('every range holds what was read from it', () => {
    const text =
      'FROM  a \\\n  AS b\n copy --from=x --link "a" \\\n# c\n [x \\\ny/\nENV A=1 B="2 \\\n 3"\nRUN ["é", "\\\\"]';
    const { instructions, source } = parseDockerfile(text, 'D');
    const at = ({ startLine, startColumn, endLine, endColumn }: ExactRange) => {
      if (startLine === endLine) return source.lines[startLine - 1]?.slice(startColumn - 1, endColumn - 1);
      const [head = '', ...tail] = source.lines.slice(startLine - 1, endLine);
      return [head.slice(startColumn - 1), ...tail.slice(0, -1), tail.at(-1)?.slice(0, endColumn - 1)].join(
        '|',
      );
    };
    const words = ({ flags, body }: Instruction) => [
      ...flags.map((flag) => at(flag.range)),
      ...('ranges' in body
        ? body.ranges.map(at)
        : body.form === 'pairs'
          ? body.pairs.map((pair) => at(pair.range))
          : []),
    ];
    assert.deepEqual(instructions.map(words), [
      ['a', 'AS', 'b'],
      ['--from=x', '--link', '"a"', '[x', 'y/'],
      ['A=1', 'B="2 \\| 3"'],
      ['"é"', '"\\\\"'],
    ]);
    assert.deepEqual(
      instructions.map(({ range }) => compact('', range)),
      ['1:1-2:7', '3:2-6:3', '7:1-8:4', '9:1-16'],
    );
  });

  test('what is laid out in another way reads the same', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9_./$][a-zA-Z0-9_./=$-]{0,6}$/);
    const flag = fc.tuple(fc.stringMatching(/^[a-z-]{1,5}[a-z]$/), fc.option(word, { nil: undefined }));
    const keyword = fc.constantFrom('COPY', 'ADD', 'EXPOSE', 'VOLUME', 'FROM', 'RUN', 'CMD', 'ENV');
    const instruction = fc.record({
      keyword,
      flags: fc.array(flag, { maxLength: 3 }),
      words: fc.array(word, { minLength: 2, maxLength: 4 }),
    });
    const layout = fc.array(
      fc.constantFrom(
        ' ',
        '  ',
        '\t',
        ' \\\n',
        ' \\  \n\t',
        ' \\\r\n ',
        ' \\\n# note\n',
        ' \\\n  # note \\\n ',
      ),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(
        fc.array(instruction, { minLength: 1, maxLength: 5 }),
        layout,
        fc.boolean(),
        (file, spaces, bom) => {
          let turn = 0;
          const space = () => spaces[turn++ % spaces.length] ?? ' ';
          const print = (between: () => string) =>
            file
              .map(({ keyword: name, flags, words }) => {
                const written = name === 'ENV' ? words.map((one, index) => `k${index}=${one}`) : words;
                const options = flags.map(
                  ([option, value]) => `--${option}${value === undefined ? '' : `=${value}`}`,
                );
                return [name, ...options, ...written].reduce((line, next) => `${line}${between()}${next}`);
              })
              .join('\n');
          const read = (text: string) =>
            plain(parseDockerfile(text, 'D').instructions).map(({ original: _, body, ...rest }) => ({
              ...rest,
              body: body.form === 'shell' ? body.text.split(/\s+/) : body,
            }));
          assert.deepEqual(read(`${bom ? '\ufeff' : ''}${print(space)}`), read(print(() => ' ')));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('never throws anything but our own failures', () => {
    const piece = fc.constantFrom(
      ...[
        'FROM ',
        'RUN ',
        'ENV ',
        'COPY ',
        'ONBUILD ',
        'HEALTHCHECK ',
        'LABEL ',
        '--a=b ',
        '<<EOF',
        'EOF',
        '\n',
        '\\\n',
        '\\',
        '"',
      ],
      ...["'", '[', ']', '{', '$', '=', ' ', '#', '# escape=`\n', 'x', '\r', '\u0000', '\ud800', '\u2028'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => void outcomeOf(pieces.join(''))),
      { numRuns: 400 },
    );
  });
});
