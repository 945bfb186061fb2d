import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { CopiedLayers } from './copied-layers.ts';
import type { ExtractInput } from './extract-blob.ts';
import { LayerDirectories } from './layer-directories.ts';
import type { LayerBlob } from './protocol.ts';

const blob = (name: string): LayerBlob => ({ kind: 'blob', path: name, diffId: digestOf(Buffer.from(name)) });
const facts = { usesLowers: false, impliedRoot: false, opaqueRoot: false, skippedDevices: false };

async function withLayers(
  extract: (input: ExtractInput) => Promise<typeof facts>,
  use: (layers: LayerDirectories) => Promise<void>,
  link?: CopiedLayers['link'],
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-layers-'));
  try {
    const snapshots = new SnapshotDirectory(directory, { owner: '0123abcd', tryLock: () => true });
    const remove = async (name: string): Promise<void> =>
      rmSync(join(directory, name), { recursive: true, force: true });
    await use(
      new LayerDirectories({
        snapshots,
        remove,
        extract,
        ...(link && { link }),
        mayMakeDevices: true,
        suffix: '',
        onEvent: () => {},
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a layer on two chains at once is extracted once', async () => {
  const extracted: string[] = [];
  const extract = async (input: ExtractInput) => {
    extracted.push(input.blob.path);
    await new Promise(setImmediate);
    return facts;
  };
  await withLayers(extract, async (layers) => {
    const { signal } = new AbortController();
    const [one, two] = await Promise.all([
      layers.of([blob('amd64'), blob('shared')], signal),
      layers.of([blob('arm64'), blob('shared')], signal),
    ]);
    assert.deepEqual(extracted.toSorted(), ['amd64', 'arm64', 'shared']);
    assert.equal(one[1], two[1]);
    assert.notEqual(one[0], two[0]);
  });
});

test('layers are extracted side by side, each into a directory of its own', async () => {
  const directories = new Set<string>();
  let [active, most] = [0, 0];
  const extract = async ({ directory }: ExtractInput) => {
    directories.add(directory);
    most = Math.max(most, ++active);
    await new Promise(setImmediate);
    active--;
    return facts;
  };
  await withLayers(extract, async (layers) => {
    const tree = Array.from({ length: 6 }, (_, number) => blob(`layer ${number}`));
    const ids = await layers.of(tree, new AbortController().signal);
    assert.equal(new Set(ids).size, 6);
  });
  assert.equal(most, 6);
  assert.equal(directories.size, 6);
});

test('a layer that needs those below it is extracted for each chain, whoever waits for whom', async () => {
  const extracted: string[] = [];
  const extract = async ({ blob: { path }, lowers }: ExtractInput) => {
    await new Promise(setImmediate);
    const below = await lowers();
    extracted.push(`${path} on ${below.length}`);
    return { ...facts, usesLowers: true };
  };
  await withLayers(extract, async (layers) => {
    const { signal } = new AbortController();
    const [one, two] = await Promise.all([
      layers.of([blob('x'), blob('y')], signal),
      layers.of([blob('y'), blob('x')], signal),
    ]);
    assert.deepEqual(extracted.toSorted(), ['x on 0', 'x on 1', 'y on 0', 'y on 1']);
    assert.equal(new Set([...one, ...two]).size, 4);
  });
});

test('a layer that has files in common with another is not found for a tree that has both', async () => {
  const extracted: string[] = [];
  const linked: string[] = [];
  const extract = async ({ blob: { path } }: ExtractInput) => {
    extracted.push(path);
    return facts;
  };
  let source = '';
  const link: CopiedLayers['link'] = async (diffId) => {
    // The second time its files are kept apart.
    if (diffId !== blob('copy').diffId || linked.length > 1) return undefined;
    linked.push(diffId);
    return linked.length === 1 ? { ...facts, shares: [source] } : facts;
  };
  await withLayers(
    extract,
    async (layers) => {
      const { signal } = new AbortController();
      source = (await layers.of([blob('source')], signal))[0] ?? '';
      const [, alone] = await layers.of([blob('base'), blob('copy')], signal);
      const [, both] = await layers.of([blob('source'), blob('copy')], signal);
      assert.notEqual(both, alone);
      assert.deepEqual(await layers.of([blob('source'), blob('copy')], signal), [source, both]);
      assert.equal((await layers.of([blob('copy')], signal))[0], alone);
      assert.deepEqual({ extracted, linked: linked.length }, { extracted: ['source', 'base'], linked: 2 });
    },
    link,
  );
});
