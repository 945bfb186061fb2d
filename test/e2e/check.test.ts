import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { removeTree } from '../../scripts/remove-tree.ts';
import { polyarchProgram, runProgram } from '../fixtures/run-program.ts';

describe('polyarch build --check and --call', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-check-'));
  const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  after(() => removeTree(scratch));
  const build = async (dockerfile: string, ...args: string[]) => {
    writeFileSync(join(scratch, 'Dockerfile'), dockerfile);
    return await runProgram([polyarchProgram, 'build', ...args, scratch], { env });
  };
  const messy = 'FROM scratch as one\nENV a b\n';

  test('a clean file ends with 0, one with warnings with 1, one that is wrong with its own code', async () => {
    const clean = await build('FROM scratch\nENV a=b\n', '--check');
    assert.deepEqual([clean.code, clean.stdout], [0, 'Check complete, no warnings found.\n']);
    const warned = await build(messy, '--check');
    assert.equal(warned.code, 1);
    assert.match(
      warned.stdout,
      /^Check complete, 2 warnings have been found!\n\nWARNING: FromAsCasing - https:/,
    );
    assert.match(warned.stdout, /2 \| >>> ENV a b/);
    const wrong = await build('FROM scratch\nCOPPY a b\n', '--check');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /unknown instruction: COPPY \(did you mean COPY\?\)/);
  });

  test('JSON has the fields of buildx, SARIF the places', async () => {
    const json = JSON.parse((await build(messy, '--call', 'check,format=json')).stdout) as {
      warnings: { ruleName: string; location: { ranges: { start: { line: number } }[] } }[];
    };
    assert.deepEqual(
      json.warnings.map(({ ruleName, location }) => [ruleName, location.ranges[0]?.start.line]),
      [
        ['FromAsCasing', 1],
        ['LegacyKeyValueFormat', 2],
      ],
    );
    const { runs } = JSON.parse((await build(messy, '--check', '--format', 'sarif')).stdout) as {
      runs: { results: { ruleId: string; locations: { physicalLocation: { region: object } }[] }[] }[];
    };
    assert.deepEqual(runs[0]?.results[1]?.locations[0]?.physicalLocation.region, {
      startLine: 2,
      startColumn: 1,
      endLine: 2,
      endColumn: 8,
    });
  });

  test('targets and outline', async () => {
    const file = '# V is it\nARG V=1\n# a is first\nFROM scratch AS a\nARG V\nFROM a AS b\n';
    const targets = await build(file, '--call', 'targets');
    assert.equal(targets.stdout, 'TARGET       DESCRIPTION\na            is first\nb (default)\n');
    const outline = await build(file, '--call=outline', '--target', 'a');
    assert.equal(
      outline.stdout,
      'TARGET:       a\nDESCRIPTION:  is first\n\nBUILD ARG  VALUE  DESCRIPTION\nV          1      is it\n',
    );
  });

  test('what makes no sense together is refused', async () => {
    for (const args of [
      ['--format', 'json'],
      ['--check', '--push'],
      ['--call', 'lint'],
      ['--call', 'targets', '--format', 'sarif'],
    ]) {
      assert.equal((await build(messy, ...args)).code, 2, args.join(' '));
    }
  });
});
