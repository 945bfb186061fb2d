import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import { Graph, type Node } from '../../graph/graph.ts';
import type { CopyOp } from '../../graph/op.ts';
import { CopyForerunner } from './copy-forerunner.ts';

const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const digest = digestOf(Buffer.from('layer'));
const layer = { descriptor: { mediaType, digest, size: 1 }, diffId: digest };

function steps() {
  const graph = new Graph();
  const base = graph.add({ kind: 'base', layers: [layer] }, []);
  const work = graph.add({ kind: 'mkdir', path: '/work', user: '' }, [base]);
  const copy = (below: Node, destination: string, more: Partial<CopyOp> = {}) =>
    graph.add(
      {
        ...{ kind: 'copy', sources: [{ origin: { kind: 'context' }, pattern: destination }], destination },
        ...more,
      },
      [below],
    );
  return { graph, work, copy };
}

/** Destinations that are written ahead, in order. */
async function writtenAhead(root: Node, write: (op: CopyOp) => Promise<void> = async () => {}) {
  const written: string[] = [];
  let removed = false;
  const forerunner = new CopyForerunner({
    roots: [root],
    copy: {
      async writeAhead(op, directories) {
        written.push(`${op.destination} in ${directories.join(' ')}`);
        await write(op);
      },
      async removeAhead() {
        removed = true;
      },
    },
    signal: undefined,
  });
  forerunner.onMiss();
  forerunner.onMiss();
  await new Promise(setImmediate);
  await forerunner.stop();
  assert.ok(removed);
  return written;
}

test('copies into a WORKDIR are written ahead, those below first, each once', async () => {
  const { work, copy } = steps();
  const other = copy(copy(work, '/work/first'), '/usr/bin/x');
  const root = copy(copy(other, '/work/'), '/work/linked', { link: true });
  assert.deepEqual(await writtenAhead(root), ['/work/first in /work', '/work/ in /work']);
});

test('one that cannot be written keeps the others from nothing', async () => {
  const { work, copy } = steps();
  const root = copy(copy(work, '/work/a'), '/work/b');
  const written = await writtenAhead(root, ({ destination }) =>
    destination === '/work/a' ? Promise.reject(new Error('gone')) : Promise.resolve(),
  );
  assert.equal(written.length, 2);
});

test('a step that waits for nothing is not written ahead, nor one in what USER owns', async () => {
  const { graph, copy } = steps();
  const empty = graph.add({ kind: 'base', layers: [] }, []);
  const inScratch = copy(graph.add({ kind: 'mkdir', path: '/work', user: '' }, [empty]), '/work/x');
  assert.deepEqual(await writtenAhead(inScratch), []);
  const base = graph.add({ kind: 'base', layers: [layer] }, []);
  const owned = copy(graph.add({ kind: 'mkdir', path: '/work', user: '1000' }, [base]), '/work/x');
  assert.deepEqual(await writtenAhead(owned), []);
});
