import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Digest } from '../../../lib/digest.ts';
import { ContextHasher } from './context-hasher.ts';
import { DigestRecords, readDigestRecords } from './digest-records.ts';
import { RootedTree } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';

/** Longer than a file must have been left alone to be remembered. */
const settled = 60;

interface Place {
  readonly context: string;
  /** A scan by a hasher that was opened for it; how many files it read. */
  scan(): Promise<{ digest: Digest; read: number }>;
  readonly remembered: string;
}

async function inPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-hasher-'));
  const [context, remembered] = [mkdtempSync(join(directory, 'c')), join(directory, 'remembered')];
  try {
    await work({
      context,
      remembered,
      async scan() {
        const { signal } = new AbortController();
        const tree = new RootedTree(context);
        const hasher = new ContextHasher(remembered, tree.root);
        const selection = selectSources(tree, [{ pattern: '.' }], { owners: 'zero', signal });
        const digest = await selection.digest({ signal, hash: hasher.hash });
        await hasher.save();
        return { digest, read: hasher.misses };
      },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('a file that did not change is not read again, whatever its name', async () => {
  await inPlace(async ({ context, scan }) => {
    const names = ['a', 'ä', 'a b', 'line\nbreak'];
    for (const name of names) writeFileSync(join(context, name), name);
    writeFileSync(Buffer.concat([Buffer.from(`${context}/`), Buffer.from([0xff])]), 'no UTF-8');
    await setTimeout(settled);
    const cold = await scan();
    assert.equal(cold.read, names.length + 1);
    assert.deepEqual(await scan(), { digest: cold.digest, read: 0 });
    writeFileSync(join(context, 'new'), '');
    await setTimeout(settled);
    assert.equal((await scan()).read, 1);
    assert.equal((await scan()).read, 0);
  });
});

test('files that are gone are forgotten when something is learnt', async () => {
  await inPlace(async ({ context, remembered, scan }) => {
    for (const name of ['a', 'd/b', 'd/ä', 'e/c']) {
      mkdirSync(join(context, name, '..'), { recursive: true });
      writeFileSync(join(context, name), name);
    }
    await setTimeout(settled);
    await scan();
    const [name = ''] = readdirSync(remembered);
    const known = async () => (await readDigestRecords(join(remembered, name))).size;
    assert.equal(await known(), 4);
    rmSync(join(context, 'd/b'));
    rmSync(join(context, 'e'), { recursive: true });
    writeFileSync(join(context, 'd/new'), 'new');
    await setTimeout(settled);
    assert.equal((await scan()).read, 1);
    assert.equal(await known(), 3);
    assert.equal((await scan()).read, 0);
  });
});

test('same size and same mtime: the new bytes show', async () => {
  await inPlace(async ({ context, scan }) => {
    const file = join(context, 'file');
    const time = new Date('2020-01-01T00:00:00Z');
    writeFileSync(file, 'one');
    utimesSync(file, time, time);
    // Times of whole seconds alone make it a coarse clock's: ctime has a part of a second here.
    await setTimeout(settled);
    const before = await scan();
    assert.equal((await scan()).read, 0);
    writeFileSync(file, 'two');
    utimesSync(file, time, time);
    const after = await scan();
    assert.equal(after.read, 1);
    assert.notEqual(after.digest, before.digest);
  });
});

test('what was written within a tick of the clock is not remembered', async () => {
  await inPlace(async ({ context, scan }) => {
    const file = join(context, 'file');
    let last: Digest | undefined;
    for (let edit = 0; edit < 20; edit++) {
      writeFileSync(file, `edit ${String(edit).padStart(2)}`);
      const { digest } = await scan();
      assert.notEqual(digest, last);
      last = digest;
    }
  });
});

test('what is damaged is not believed', async () => {
  await inPlace(async ({ context, remembered, scan }) => {
    writeFileSync(join(context, 'file'), 'bytes');
    await setTimeout(settled);
    const { digest } = await scan();
    const [name = ''] = readdirSync(remembered);
    const record = join(remembered, name);
    const whole = readFileSync(record);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 20] = (flipped[whole.length - 20] ?? 0) ^ 1;
    for (const bytes of [flipped, whole.subarray(0, -1), Buffer.alloc(whole.length), Buffer.from('[1]')]) {
      assert.equal(DigestRecords.fromBuffer(bytes), undefined);
      writeFileSync(record, bytes);
      assert.deepEqual(await scan(), { digest, read: 1 });
    }
  });
});
