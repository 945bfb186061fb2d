// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cpuTime } from '../../../test/fixtures/cpu-time.ts';
import { ExpansionError, expand, maxExpandedLength } from './expand.ts';

const values: Readonly<Record<string, string>> = {
  PWD: '/home',
  SHELL: 'bash',
  NULL: '',
  KOREAN: '한국어',
  path: '/usr/lib/a.tar.gz',
  list: 'a-b-c',
  space: 'abc  def',
  stars: 'a*b*c',
};
const variables = (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined);
const text = (word: string) => expand(word, variables, { escapeCharacter: '\\' }).text;

/** word → result; null where it can't be expanded. */
const cases: Readonly<Record<string, string | null>> = {
  "he'll'o": 'hello',
  "he'llo": null,
  "he\\'llo": "he'llo",
  'abc\\tdef': 'abctdef',
  '"abc\\tdef"': 'abc\\tdef',
  '"abc\\\\tdef"': 'abc\\tdef',
  "'abc\\tdef'": 'abc\\tdef',
  'hello\\': 'hello',
  'hello\\\\': 'hello\\',
  '"hello': null,
  '"hello\\"': null,
  '$.': '$.',
  he$1x: 'hex',
  he$pwd: 'he',
  'he$PWD.': 'he/home.',
  'he\\$PWD': 'he$PWD',
  '"he\\$PWD"': 'he$PWD',
  '"he\\\\$PWD"': 'he\\/home',
  "'$PWD'": '$PWD',
  '\\${}': '${}',
  '${}': null,
  '${.}': null,
  '${PWD': null,
  '${{a}': null,
  '${:-b}': null,
  '${aaa}}': '}',
  'he${hi}xx': 'hexx',
  '${XXX:-000}': '000',
  '${NULL:-000}': '000',
  '${NULL-000}': '',
  '${XXX-000}': '000',
  '${XXX:-${YYY:-yyy}}': 'yyy',
  '${XXX:-\\${PWD}z}': '${PWDz}',
  '${XXX:YYY}': null,
  '${PWD:=000}': null,
  '${PWD:+${PWD}:}': '/home:',
  '${NULL+x}': 'x',
  '${NULL:+x}': '',
  '${XXX+x}': '',
  '${XXX?}': null,
  '${PWD?}': '/home',
  '${NULL?}': '',
  '${NULL:?}': null,
  '${path#*/}': 'usr/lib/a.tar.gz',
  '${path##*/}': 'a.tar.gz',
  '${path%.*}': '/usr/lib/a.tar',
  '${path%%.*}': '/usr/lib/a',
  '${path#nope}': '/usr/lib/a.tar.gz',
  '${path:#x}': null,
  '${XXX#x}': '',
  '${stars#a\\*}': 'b*c',
  '${stars%\\*?}': 'a*b',
  '${list/-/+}': 'a+b-c',
  '${list//-/+}': 'a+b+c',
  '${list//?/x}': 'xxxxx',
  '${list/*/x}': 'x',
  '${list//*/x}': 'x',
  '${path/\\//_}': '_usr/lib/a.tar.gz',
  '${path//\\//_}': '_usr_lib_a.tar.gz',
  '${list/-}': null,
  '${list/-/}': 'ab-c',
  '${list//\\x/}': null,
  안녕$KOREAN: '안녕한국어',
  $999aaa: 'aaa',
  '$@@@': '@@',
  '${#:-bbb}': 'bbb',
  $$: '',
  'a<b': 'a<b',
};

describe('word expansion', () => {
  test('follows the table', () => {
    for (const [word, expected] of Object.entries(cases)) {
      if (expected === null) assert.throws(() => text(word), ExpansionError, word);
      else assert.equal(text(word), expected, word);
    }
  });

  test('splits what is not quoted, after the variables are filled in', () => {
    const words = (word: string) => expand(word, variables, { escapeCharacter: '\\' }).words;
    assert.deepEqual(words('hello${space}bye'), ['helloabc', 'defbye']);
    assert.deepEqual(words('hello"${space}"bye x'), ['helloabc  defbye', 'x']);
    assert.deepEqual(words('hello\\ there'), ['hello there']);
    assert.deepEqual(words('  a\t b '), ['a', 'b']);
  });

  test('takes the back quote for the escape character when told so', () => {
    const windows = (word: string) => expand(word, variables, { escapeCharacter: '`' }).text;
    assert.equal(windows('C:\\dir`$PWD'), 'C:\\dir$PWD');
    assert.equal(windows('"`"\\n"'), '"\\n');
  });

  test('keeps what it is told to keep', () => {
    const kept = (word: string) =>
      expand(word, variables, { escapeCharacter: '\\', rawQuotes: true, skipUnset: true }).text;
    assert.equal(kept(`echo "$PWD" '$PWD' $NOPE \${NOPE:-x}`), `echo "/home" '$PWD' $NOPE \${NOPE:-x}`);
  });

  test('leaves quotes alone when told so', () => {
    const lines = (word: string) =>
      expand(word, variables, { escapeCharacter: '\\', plainQuotes: true }).text;
    assert.equal(lines(`it's "$PWD" \\$PWD '$PWD' \\\\n`), `it's "/home" $PWD '/home' \\n`);
  });

  test('names the variables that are unset', () => {
    const { unset } = expand('$PWD $a ${b:-x} $NULL', variables, { escapeCharacter: '\\' });
    assert.deepEqual([...unset], ['a', 'b']);
  });

  test('says what ${name:?words} says', () => {
    assert.throws(() => text('${XXX:?set it}'), { message: 'XXX: set it' });
    assert.throws(() => text('${NULL:?}'), { message: 'NULL: is not allowed to be empty' });
  });

  test('has limits that are named', () => {
    const isLimit = (error: unknown) => error instanceof ExpansionError && error.limit;
    assert.throws(() => text(`${'${a:-'.repeat(200)}${'}'.repeat(200)}`), isLimit);
    const long = () => 'x'.repeat(maxExpandedLength);
    assert.throws(() => expand('$a$a', long, { escapeCharacter: '\\' }), isLimit);
  });

  test('patterns with many stars take no time', () => {
    const started = cpuTime();
    const value = () => 'a'.repeat(20_000);
    for (const operator of ['#', '##', '%', '%%', '/', '//']) {
      const tail = operator.startsWith('/') ? '/x' : '';
      expand(`\${a${operator}${'*a'.repeat(30)}*b${tail}}`, value, { escapeCharacter: '\\' });
    }
    assert.ok(cpuTime() - started < 5000);
  });

  test('words of names alone are what they are read by characters', () => {
    const values: Readonly<Record<string, string>> = { a: 'v', ab: 'two words', _: '', B1: '$a' };
    const piece = fc.constantFrom(
      ...['$', '${', '}', 'a', 'ab', 'B1', '_', 'nope', '1', '/', '.', '-', ':', '=', ' ', 'é', '<', '`'],
    );
    const outcome = (word: string) => {
      try {
        const { text, words, used, unset } = expand(word, (name) => values[name], { escapeCharacter: '\\' });
        return { text, words, used: [...used].sort(), unset: [...unset].sort() };
      } catch (error) {
        assert.ok(error instanceof ExpansionError, String(error));
        return error.message;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        // Quotes around nothing keep a word from the quick way, and change nothing else.
        assert.deepEqual(outcome(pieces.join('')), outcome(`''${pieces.join('')}`));
      }),
      { numRuns: 1000 },
    );
    const started = cpuTime();
    expand(`${'$ab'.repeat(1000)}é`, () => 'x', { escapeCharacter: '\\' });
    assert.ok(cpuTime() - started < 1000);
  });

  test('never throws anything else', () => {
    const piece = fc.constantFrom(
      '$',
      '{',
      '}',
      ':',
      '-',
      '+',
      '?',
      '#',
      '%',
      '/',
      '*',
      '\\',
      '"',
      "'",
      'a',
      'PWD',
      ' ',
      '<',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          text(pieces.join(''));
        } catch (error) {
          assert.ok(error instanceof ExpansionError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
