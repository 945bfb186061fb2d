import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { plainBooleans } from './go-booleans.ts';

const program = new Command()
  .option('--push', '')
  .option('--tls-verify', '')
  .option('--no-tls-verify', '')
  .option('-e, --env <pair>', '');

test('booleans with a value become flags; values of other options and what is passed on are left alone', () => {
  const cases: [string[], string[]][] = [
    [
      ['--push=true', '--tls-verify=false', 'x'],
      ['--push', '--no-tls-verify', 'x'],
    ],
    [['--push=0', '--tls-verify=1'], ['--tls-verify']],
    [
      ['--push=maybe', '--other=false', '--env=a=false'],
      ['--push=maybe', '--other=false', '--env=a=false'],
    ],
    [
      ['-e', '--push=true', '--', '--push=false'],
      ['-e', '--push=true', '--', '--push=false'],
    ],
  ];
  for (const [given, read] of cases) assert.deepEqual(plainBooleans(program, given), read);
  const parent = new Command();
  parent.command('copy').option('--all', '');
  assert.deepEqual(plainBooleans(parent, ['copy', '--all=true', 'copy']), ['copy', '--all', 'copy']);
  const passing = new Command().option('--push', '').passThroughOptions();
  assert.deepEqual(plainBooleans(passing, ['--push=1', 'x', '--push=false']), [
    '--push',
    'x',
    '--push=false',
  ]);
});
