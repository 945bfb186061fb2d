import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandTable } from './command-table.ts';
import { dispatch, groupHelp } from './dispatch.ts';

/** What is written while `work` runs. */
async function captured(work: () => Promise<number>) {
  const written = { stdout: '', stderr: '' };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = ((text: string) => {
      written[name] += text;
      return true;
    }) as typeof process.stdout.write;
  }
  try {
    return { code: await work(), ...written };
  } finally {
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  }
}

const loaded: string[] = [];
const ran: string[][] = [];
const table: CommandTable = {
  plain: {
    summary: 'Does a thing',
    load: async () => {
      loaded.push('plain');
      return { command: (program) => program.action(() => {}) };
    },
  },
  group: {
    summary: 'Has commands',
    subcommands: async () => ({
      inner: {
        summary: 'Does another',
        load: async () => {
          loaded.push('inner');
          return {
            command: (program) =>
              program.argument('[word]').action((word: string) => {
                ran.push([program.name(), word]);
              }),
          };
        },
      },
    }),
  },
};
const page = { path: 'polyarch', summary: 'all', table };

test('a command below a group is found, and nothing beside it is loaded', async () => {
  const { code } = await captured(() => dispatch(page, ['group', 'inner', 'x']));
  assert.equal(code, 0);
  assert.deepEqual(loaded, ['inner']);
  assert.deepEqual(ran, [['polyarch group inner', 'x']]);
});

test('a group alone prints its help and is wrong usage; --help is not', async () => {
  const alone = await captured(() => dispatch(page, ['group']));
  assert.equal(alone.code, 2);
  assert.match(alone.stdout, /^Usage: polyarch group COMMAND \[OPTIONS\]$/m);
  const asked = await captured(() => dispatch(page, ['group', '--help']));
  assert.equal(asked.code, 0);
  assert.equal(asked.stdout, alone.stdout);
  assert.match(groupHelp(page), /^ {2}plain {2}Does a thing$/m);
});

test('an unknown command names the help that lists those that there are', async () => {
  const { code, stderr } = await captured(() => dispatch(page, ['group', 'outer']));
  assert.equal(code, 2);
  assert.equal(
    stderr,
    'error: Cannot run "polyarch group outer": no such command\nhint: polyarch group --help lists the commands\n',
  );
  const near = await captured(() => dispatch(page, ['plian']));
  assert.match(
    near.stderr,
    /^error: Cannot run "polyarch plian": no such command \(did you mean plain\?\)\n/,
  );
  const option = await captured(() => dispatch(page, ['--plain']));
  assert.match(option.stderr, /^error: Cannot run "polyarch --plain": a command comes before its options\n/);
  assert.equal((await captured(() => dispatch(page, ['constructor']))).code, 2);
});
