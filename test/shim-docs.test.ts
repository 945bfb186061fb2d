import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { type CommandTable, isGroup } from '../src/cli/command-table.ts';
import { shims } from '../src/cli/shims/shims.ts';

const docs = join(import.meta.dirname, '../docs');
const pageOf = (tool: string): string => join(docs, tool === 'skopeo' ? 'skopeo.md' : `shims/${tool}.md`);
/** Rows that are about every command. */
const shared = ['all', 'in front', 'all that connect'];
const own = ['--help', '-h', '--debug'];
const { signal } = new AbortController();

async function commandsOf(table: CommandTable, path: string): Promise<Command[]> {
  const found: Command[] = [];
  for (const [name, entry] of Object.entries(table)) {
    if (isGroup(entry)) found.push(...(await commandsOf(await entry.subcommands(), `${path} ${name}`)));
    else found.push((await entry.load()).command(new Command(name), { signal }));
  }
  return found;
}

/** A program with commands of its own stands for these; what it takes in front is of all. */
function leaves(command: Command, path = ''): { name: string; flags: string[][] }[] {
  const name = `${path} ${command.name()}`.trim();
  const flags = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ short, long }) => [short, long].filter((one) => one !== undefined));
  if (command.commands.length === 0) return [{ name, flags }];
  const inFront = command.parent === null ? 'all' : name;
  const below = command.parent === null ? '' : name;
  return [{ name: inFront, flags }, ...command.commands.flatMap((one) => leaves(one, below))];
}

/** Row → the flags that its cells name. */
function rowsOf(page: string): Map<string, Set<string>> {
  const rows = readFileSync(page, 'utf8').matchAll(/^\| ([^|]*?) *\|(.*)\|$/gm);
  return new Map(
    [...rows].map(([, first = '', rest = '']) => [
      first.replaceAll('`', ''),
      new Set([...rest.matchAll(/(?<![\w-])--?[A-Za-z](?:[\w-]*\w)?(?![\w-])/g)].map(([flag]) => flag)),
    ]),
  );
}

/** The two ends of skopeo's copies have the options of one end twice. */
const bare = (flag: string): string => flag.replace(/^--(no-)?(?:src|dest)-/, '--$1');
/** `--no-x` beside `--x=false`, Go's own spelling. */
const positive = (flag: string): string => flag.replace(/^--no-/, '--');

describe('the page of each shim lists the options that it takes, and no others', () => {
  for (const [tool, entry] of Object.entries(shims)) {
    test(tool, async () => {
      const rows = rowsOf(pageOf(tool));
      const everywhere = new Set(shared.flatMap((name) => [...(rows.get(name) ?? [])]));
      const commands = isGroup(entry)
        ? await commandsOf(await entry.subcommands(), tool)
        : [(await entry.load()).command(new Command(tool), { signal })];
      const seen = new Set<string>(own);
      for (const { name, flags } of commands.flatMap((one) => leaves(one))) {
        const listed = rows.get(name);
        if (!shared.includes(name)) assert.ok(listed, `${tool}: no row for ${name}`);
        for (const names of flags) {
          for (const flag of names) seen.add(flag).add(bare(flag));
          if (names.some((flag) => own.includes(flag))) continue;
          const spelled = names.flatMap((flag) => [flag, bare(flag), positive(flag), positive(bare(flag))]);
          const told = spelled.some((flag) => listed?.has(flag) || everywhere.has(flag));
          assert.ok(told, `${tool} ${name}: ${names.join(', ')} is not on the page`);
        }
        for (const flag of listed ?? []) {
          const known = flags.some((names) => names.includes(flag));
          assert.ok(known || everywhere.has(flag), `${tool} ${name}: ${flag} is on the page, and not taken`);
        }
      }
      for (const flag of everywhere)
        assert.ok(seen.has(flag) || seen.has(bare(flag)), `${tool}: ${flag} is on the page, and not taken`);
    });
  }
});

/** What the `--help` of the real tools lists: docker 28.5, buildx 0.29, manifest-tool 2. */
const realFlags: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docker-manifest': {
    create: '-a --amend --insecure',
    annotate: '--arch --os --os-features --os-version --variant',
    inspect: '--insecure -v --verbose',
    push: '--insecure -p --purge',
    rm: '',
  },
  imagetools: {
    create:
      '--annotation --append --builder -D --debug --dry-run -f --file -p --platform --prefer-index --progress -t --tag',
    inspect: '--builder -D --debug --format --raw',
  },
  'manifest-tool': {
    all: '--debug --insecure --plain-http --username --password --docker-cfg -v --version',
    push: '--type',
    'push from-spec': '--ignore-missing',
    'push from-args': '--platforms --template --target --tags --annotations --ignore-missing',
    inspect: '--raw --expand-config',
  },
};

test('every option of the real tools is on the page of its shim: taken, or not covered', () => {
  for (const [tool, commands] of Object.entries(realFlags)) {
    const page = readFileSync(pageOf(tool), 'utf8');
    const [, refused = ''] = /Not covered: ([\s\S]*?)\n(?:[-#\n])/.exec(page) ?? [];
    const rows = rowsOf(pageOf(tool));
    for (const [command, flags] of Object.entries(commands)) {
      const row = rows.get(command);
      assert.ok(row, `${tool} ${command}`);
      for (const flag of flags.split(' ').filter((one) => one !== ''))
        assert.ok(
          row.has(flag) || refused.includes(`\`${flag}`) || own.includes(flag),
          `${tool} ${command} ${flag}`,
        );
    }
  }
});
