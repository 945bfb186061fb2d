import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isFailure } from '../../lib/errors.ts';
import { ContextHasher } from '../snapshot/copy/context-hasher.ts';
import { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { selectSources } from '../snapshot/copy/select-sources.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import { FoundFiles } from './found-files.ts';

const { signal } = new AbortController();
/** Longer than a file must have been left alone to be remembered. */
const settled = 60;

function place(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-found-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [context, remembered] = [join(directory, 'context'), join(directory, 'remembered')];
  mkdirSync(join(context, 'd'), { recursive: true });
  for (const name of ['a', 'b', 'd/c']) writeFileSync(join(context, name), name);
  symlinkSync('a', join(context, 'link'));
  return { context, remembered };
}

/** As one build does it: `asked` are the files whose digest was asked for. */
async function look({ context, remembered }: ReturnType<typeof place>, names = ['.']) {
  const tree = new RootedTree(context);
  const hasher = new ContextHasher(remembered, tree.root);
  const asked: string[] = [];
  const hash = (entry: SelectedEntry) => {
    asked.push(entry.source);
    return hasher.hash(entry);
  };
  const sources = names.map((pattern) => ({ pattern }));
  const selection = selectSources(tree, sources, { owners: 'zero', signal });
  const found = new FoundFiles([{ selection, origin: { tree, owners: 'zero', hash, seen: hasher } }]);
  const digest = await found.digest({ signal });
  await hasher.save();
  return { digest, asked, read: hasher.misses, found };
}

test('what was seen before is known as a whole: no file is asked for', async (t) => {
  const there = place(t);
  await setTimeout(settled);
  const first = await look(there);
  assert.deepEqual([first.asked, first.read], [['a', 'b', 'd/c'], 3]);
  const second = await look(there);
  assert.deepEqual([second.digest, second.asked], [first.digest, []]);
  const part = await look(there, ['d']);
  assert.deepEqual([part.asked, part.read], [['d/c'], 0]);
  assert.notEqual(part.digest, first.digest);
  assert.deepEqual((await look(there, ['d'])).asked, []);
});

const changes: Record<string, (context: string) => void> = {
  'other bytes of the same size and mtime': (context) => {
    writeFileSync(join(context, 'a'), 'A');
    utimesSync(join(context, 'a'), 1e9, 1e9);
  },
  'another mode': (context) => chmodSync(join(context, 'a'), 0o755),
  'a directory of another mode': (context) => chmodSync(join(context, 'd'), 0o700),
  'another name': (context) => renameSync(join(context, 'a'), join(context, 'A')),
  'one more file': (context) => writeFileSync(join(context, 'd/new'), ''),
  'a file less': (context) => rmSync(join(context, 'b')),
  'another link': (context) => {
    rmSync(join(context, 'link'));
    symlinkSync('b', join(context, 'link'));
  },
  'a second name of a file': (context) => {
    rmSync(join(context, 'b'));
    linkSync(join(context, 'a'), join(context, 'b'));
  },
  'another file with the times of the one before': (context) => {
    writeFileSync(join(context, 'other'), 'B');
    utimesSync(join(context, 'other'), 1e9, 1e9);
    renameSync(join(context, 'other'), join(context, 'b'));
  },
};

describe('what changed is seen', { concurrency: true }, () => {
  for (const [name, change] of Object.entries(changes)) {
    test(name, async (t) => {
      const there = place(t);
      for (const file of ['a', 'b']) utimesSync(join(there.context, file), 1e9, 1e9);
      await setTimeout(settled);
      const before = await look(there);
      change(there.context);
      await setTimeout(settled);
      const after = await look(there);
      assert.notEqual(after.digest, before.digest);
      assert.deepEqual([(await look(there)).digest, (await look(there)).asked], [after.digest, []]);
    });
  }
});

test('what changed within a tick of the clock is seen again', async (t) => {
  const there = place(t);
  for (let edit = 0; edit < 5; edit++) {
    writeFileSync(join(there.context, 'a'), String(edit));
    const now = await look(there);
    assert.ok(now.asked.includes('a'), 'it may change again at the same time');
  }
});

test('a damaged memory holds nothing', async (t) => {
  const there = place(t);
  await setTimeout(settled);
  const { digest } = await look(there);
  const file = join(
    there.remembered,
    readdirSync(there.remembered).find((name) => name.endsWith('.seen')) ?? '',
  );
  const whole = readFileSync(file, 'latin1');
  for (const text of [whole.slice(0, -5), whole.replace(/[0-9]\n$/, 'x\n'), '', 'polyarch-seen-1']) {
    writeFileSync(file, text);
    const again = await look(there);
    assert.deepEqual([again.digest, again.asked.length, again.read], [digest, 3, 0]);
  }
});

test('before a layer is written each file is asked for, and held to the whole', async (t) => {
  const there = place(t);
  await setTimeout(settled);
  await look(there);
  const { found, asked } = await look(there);
  assert.equal(found.selection.hashed.size, 0);
  await found.hashEach({ signal });
  await found.hashEach({ signal });
  assert.deepEqual([found.selection.hashed.size, asked], [3, ['a', 'b', 'd/c']]);
  const [records = ''] = readdirSync(there.remembered).filter((name) => !name.endsWith('.seen'));
  rmSync(join(there.remembered, records));
  const other = await look(there);
  writeFileSync(join(there.context, 'a'), 'A');
  await assert.rejects(other.found.hashEach({ signal }), (error) => isFailure(error, 'CONTENT_INVALID'));
});
