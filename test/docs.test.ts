import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

const checkout = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(checkout, path), 'utf8');

/** `room → room, room`, a line each: in ARCHITECTURE.md as written, in boundaries.test.ts as an object. */
function arrowsOfArchitecture(): string[] {
  const section = /\n## Import diagram\n[\s\S]*?\n```\n([\s\S]*?)\n```/.exec(read('ARCHITECTURE.md'))?.[1];
  assert.ok(section, 'ARCHITECTURE.md has an import diagram');
  return section.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
}

function arrowsOfTest(): string[] {
  const table = /const arrows[^=]*= \{\n([\s\S]*?)\n\};/.exec(read('test/boundaries.test.ts'))?.[1] ?? '';
  return [...table.matchAll(/^\s*'?([\w/]+)'?: \[([^\]]*)\],?$/gm)].map(
    ([, room, heads]) => `${room} → ${heads?.replaceAll("'", '') || 'nothing'}`,
  );
}

test('the import diagram is the one that is tested', () => {
  assert.deepEqual(arrowsOfArchitecture(), arrowsOfTest());
});

/** Every Markdown file, from the checkout's root. */
function documents(): string[] {
  const found = readdirSync(checkout).filter((name) => name.endsWith('.md'));
  for (const folder of ['docs', 'bench', 'examples']) {
    if (!existsSync(join(checkout, folder))) continue;
    const names = readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' });
    found.push(...names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name)));
  }
  return found;
}

/** The options of each command, by its words: docs/cli.md, which is made from `--help`. */
function optionsOfCommands(): Map<string, ReadonlySet<string>> {
  const sections = read('docs/cli.md')
    .split(/^#{2,} (?=[a-z])/m)
    .slice(1);
  return new Map(
    sections.map((section) => {
      const title = section.slice(0, section.indexOf('\n'));
      return [title, new Set(section.match(/(?<![\w-])--?[a-z][\w-]*/g))];
    }),
  );
}

/** `polyarch …` lines of code blocks and spans: their words up to a pipe, a comment or another command. */
function commandLines(text: string): string[][] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.split('\n'),
  );
  const spans = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span = '']) => span,
  );
  return [...blocks, ...spans].flatMap((line) => {
    const [, words] = /^(?:\$ |sudo )*(?:\.\/)?polyarch ([^#|&;>]+)/.exec(line) ?? [];
    return words === undefined ? [] : [words.trim().split(/\s+/)];
  });
}

test('commands that the documents show exist, with the options they are given', () => {
  const commands = optionsOfCommands();
  const unknown: string[] = [];
  let seen = 0;
  for (const document of documents().filter((name) => name !== 'docs/cli.md' && name !== 'CHANGELOG.md')) {
    for (const words of commandLines(read(document))) {
      if (!/^[a-z]/.test(words[0] ?? '')) continue;
      const name = [3, 2, 1]
        .map((count) => words.slice(0, count).join(' '))
        .find((title) => commands.has(title));
      // A shim's options are the other tool's: its own goldens hold them.
      if (name?.startsWith('shim ')) continue;
      seen++;
      const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ''));
      const wrong = options.filter((option) => !commands.get(name ?? '')?.has(option));
      if (name === undefined || wrong.length > 0) unknown.push(`${document}: polyarch ${words.join(' ')}`);
    }
  }
  assert.deepEqual(unknown, []);
  assert.ok(seen > 20, `only ${seen} commands were found`);
});

test('links between the documents lead somewhere', () => {
  const broken: string[] = [];
  for (const document of documents()) {
    for (const [, target = ''] of read(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(join(checkout, dirname(document), target))) broken.push(`${document} → ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('decisions are numbered without a gap and listed', () => {
  const pages = readdirSync(join(checkout, 'docs/decisions'))
    .filter((name) => name !== 'README.md')
    .sort();
  const numbers = pages.map((name) => Number(name.slice(0, 4)));
  assert.deepEqual(
    numbers,
    numbers.map((_, position) => position + 1),
  );
  const list = read('docs/decisions/README.md');
  assert.deepEqual(
    pages.filter((name) => !list.includes(`(${name})`)),
    [],
  );
});
