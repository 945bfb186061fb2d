import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

/** Room → the rooms that it may import; an arrow includes what its head imports in turn (ARCHITECTURE.md). */
const arrows: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  oci: ['lib'],
  archive: ['lib', 'oci'],
  content: ['archive'],
  'registry/client': ['content'],
  'registry/server': ['content'],
  transfer: ['content'],
  index: ['transfer'],
  'build/dockerfile': ['lib'],
  'build/graph': ['oci'],
  'build/frontend': ['build/dockerfile', 'build/graph'],
  'build/solver': ['lib'],
  'build/cache': ['content', 'build/graph'],
  'build/snapshot': ['archive'],
  'build/sandbox': ['lib', 'oci'],
  'build/keeper': ['build/snapshot', 'build/sandbox'],
  'build/sources': ['archive', 'build/graph'],
  'build/ops': ['build/graph', 'build/solver', 'build/cache', 'build/keeper', 'build/sources', 'content'],
  'build/export': ['transfer', 'build/keeper', 'build/graph'],
  'build/engines': ['build/frontend', 'build/ops', 'build/export'],
  app: ['build/engines', 'registry/client', 'registry/server', 'transfer', 'index'],
  cli: ['app', 'lib'],
};

const source = resolve(import.meta.dirname, '../src');

function reachable(room: string, seen = new Set<string>()): Set<string> {
  for (const next of arrows[room] ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachable(next, seen);
  }
  return seen;
}

function roomOf(file: string): string | undefined {
  const parts = relative(source, file).split('/');
  return [parts.slice(0, 2).join('/'), parts[0] ?? ''].find((name) => name in arrows);
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

function sources(): string[] {
  return filesOf(source).filter((name) => !name.endsWith('.test.ts'));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^\s*(?:import|export)\b[^'"]*?from\s+|^\s*import\s+|\bimport\()\s*['"](\.[^'"]+)['"]/gm,
  );
  return [...found].map((match) => resolve(dirname(file), match[1] ?? ''));
}

test('imports follow the arrows', () => {
  const wrong: string[] = [];
  for (const file of sources()) {
    const room = roomOf(file);
    if (room === undefined) {
      if (dirname(file) !== source) wrong.push(`${relative(source, file)} is in no room`);
      continue;
    }
    const allowed = reachable(room);
    for (const target of importsOf(file)) {
      const other = roomOf(target);
      if (other !== undefined && other !== room && !allowed.has(other)) {
        wrong.push(`${relative(source, file)} → ${relative(source, target)}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('the arrows have no circle', () => {
  for (const room of Object.keys(arrows)) assert.equal(reachable(room).has(room), false, room);
});

test('no file imports itself in a circle', () => {
  const graph = new Map(sources().map((file) => [file, importsOf(file)]));
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.equal(
      path.includes(file),
      false,
      `circle: ${[...path, file].map((name) => relative(source, name)).join(' → ')}`,
    );
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) if (graph.has(next)) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

test('no file is over 600 lines, tests and scripts included', () => {
  const beside = ['bench', 'scripts', 'test'].map((name) => resolve(source, '..', name));
  const long = [source, ...beside]
    .flatMap(filesOf)
    .filter((file) => readFileSync(file, 'utf8').split('\n').length > 600);
  assert.deepEqual(long, []);
});
