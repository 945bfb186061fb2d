import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import type { Layer } from '../../../oci/descriptor.ts';
import { Graph } from '../../graph/graph.ts';
import { storedLayer } from '../../ops/tree.ts';
import { ReadyLayers } from './ready-layers.ts';

function layer(name: string): Layer {
  const digest = digestOf(Buffer.from(name));
  return {
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 },
    diffId: digest,
  };
}

test('layers of the result and its base are told once, those of other stages never', async () => {
  const graph = new Graph();
  const base = graph.add({ kind: 'base', layers: [layer('base')] }, []);
  const built = graph.add({ kind: 'mkdir', path: '/built', user: '' }, [base]);
  const first = graph.add({ kind: 'mkdir', path: '/first', user: '' }, [base]);
  const last = graph.add({ kind: 'copy', sources: [{ pattern: '.' }], destination: '/' }, [first, built]);
  const told: string[] = [];
  const ready = new ReadyLayers([last], ({ digest }) => told.push(digest));
  const made = (name: string) => ({ key: digestOf(name), layers: [storedLayer(layer(name), 0)] });
  ready.onMade(built, made('built'));
  ready.onMade(first, made('first'));
  ready.onMade(last, made('last'));
  ready.onMade(last, made('last'));
  await new Promise(setImmediate);
  assert.deepEqual(
    told,
    ['base', 'first', 'last'].map((name) => layer(name).descriptor.digest),
  );
});
