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

test('links between the documents lead somewhere', () => {
  const documents = readdirSync(checkout, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => entry.name);
  for (const folder of ['docs', 'bench', 'examples']) {
    if (!existsSync(join(checkout, folder))) continue;
    const names = readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' });
    documents.push(...names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name)));
  }
  const broken: string[] = [];
  for (const document of documents) {
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
