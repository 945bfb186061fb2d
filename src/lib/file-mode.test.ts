import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseFileMode } from './file-mode.ts';

const octal = (mode: number) => mode.toString(8);

describe('the mode of --chmod', () => {
  /** mode, before, after; a trailing slash is a directory's. Seen with dockerd 28.5.2. */
  const cases: readonly (readonly [string, string, string])[] = [
    ['755', '600', '755'],
    ['04755', '600', '4755'],
    ['7777', '0', '7777'],
    ['a=rX', '600', '444'],
    ['a=rX', '750/', '555'],
    ['u=rwx,g=u-w,o=', '644', '750'],
    ['u+s,g+s,+t', '644', '7644'],
    ['+X', '644', '644'],
    ['+X', '750', '751'],
    ['-X', '755', '644'],
    ['g=u', '740', '770'],
    ['u=', '755', '55'],
    ['=', '4755', '0'],
    ['o+t', '644', '644'],
    ['o+s', '644', '644'],
    ['u+x-w', '644', '544'],
    ['go=rg', '640', '644'],
  ];
  for (const [text, before, after] of cases) {
    test(`${text} makes ${after} of ${before}`, () => {
      const mode = parseFileMode(text)?.apply(Number.parseInt(before, 8), before.endsWith('/'));
      assert.equal(octal(mode ?? -1), after);
    });
  }

  test('what is no mode is refused', () => {
    for (const text of ['', '9', '17777', '0x1', 'u+q', 'z', 'u', 'u+r,', ',u+r', '+', 'rwx', '-1', ' 755']) {
      const mode = parseFileMode(text);
      if (text === '+') assert.equal(mode?.apply(0o644, false), 0o644);
      else assert.equal(mode, undefined, text);
    }
  });

  test('does what chmod(1) does', () => {
    const who = fc.constantFrom('a', 'u', 'g', 'o', 'ug', 'go');
    // GNU's chmod does not mix letters of permissions and of classes, and has rules of its own for set-id bits.
    const permission = fc.oneof(
      fc.array(fc.constantFrom('r', 'w', 'x', 'X'), { maxLength: 3 }).map((letters) => letters.join('')),
      fc.constantFrom('u', 'g', 'o'),
    );
    const clause = fc.tuple(who, fc.constantFrom('+', '-', '='), permission).map((parts) => parts.join(''));
    const modes = fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(','));
    const samples = fc.sample(fc.tuple(modes, fc.integer({ min: 0, max: 0o777 })), { numRuns: 40, seed: 7 });
    const root = mkdtempSync(join(tmpdir(), 'polyarch-mode-'));
    try {
      for (const [index, [, before]] of samples.entries()) {
        const file = join(root, String(index));
        writeFileSync(file, '');
        chmodSync(file, before);
      }
      const script = samples.map(([text], index) => `chmod ${text} ${index}`).join('\n');
      execFileSync('sh', ['-c', script], { cwd: root });
      for (const [index, [text, before]] of samples.entries()) {
        const found = statSync(join(root, String(index))).mode & 0o7777;
        assert.equal(
          octal(parseFileMode(text)?.apply(before, false) ?? -1),
          octal(found),
          `${text} ${octal(before)}`,
        );
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
