import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import type { Layer } from '../../../oci/descriptor.ts';
import { Graph, type Node } from '../../graph/graph.ts';
import type { KeeperClient } from '../../keeper/keeper-client.ts';
import type { PrepareRequest } from '../../keeper/protocol.ts';
import type { LayerSources } from '../../ops/layer-sources.ts';
import { Forerunner } from './forerunner.ts';
import type { KeeperStarter } from './keeper-starter.ts';

function layer(name: string): Layer {
  const digest = digestOf(Buffer.from(name));
  return {
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 },
    diffId: digest,
  };
}

function twoStages() {
  const graph = new Graph();
  const base = (name: string) => graph.add({ kind: 'base', layers: [layer(name)] }, []);
  const mkdir = (path: string, target: Node) => graph.add({ kind: 'mkdir', path, user: '' }, [target]);
  const platform = { os: 'linux', architecture: 'amd64' };
  const run = (target: Node) =>
    graph.add({ kind: 'run', platform, args: ['true'], env: [], cwd: '/', user: '', network: 'none' }, [
      target,
    ]);
  const copy = (target: Node, from: Node) =>
    graph.add({ kind: 'copy', sources: [{ pattern: '.' }], destination: '/' }, [target, from]);
  const below = base('below');
  const first = mkdir('/first', below);
  const built = run(first);
  const other = mkdir('/second', base('other'));
  return { below, first, built, other, final: copy(other, built) };
}

function watch(root: Node) {
  const prepared: PrepareRequest[] = [];
  const client = { prepare: async (request: PrepareRequest) => void prepared.push(request) };
  const forerunner = new Forerunner({
    roots: [root],
    keeper: { get: async () => client as unknown as KeeperClient } as unknown as KeeperStarter,
    sources: { path: async () => 'blob' } as unknown as LayerSources,
    signal: undefined,
  });
  return { forerunner, prepared };
}

test('a step that is executed has the base of the RUN behind it made ready, once', async () => {
  const { first, built, below, final } = twoStages();
  const { forerunner, prepared } = watch(final);
  forerunner.onExecute(first.digest);
  forerunner.onExecute(built.digest);
  await forerunner.stop();
  const diffId = below.op.kind === 'base' ? below.op.layers[0]?.diffId : undefined;
  assert.deepEqual(prepared, [{ tree: [{ kind: 'blob', path: 'blob', diffId }] }]);
});

test('a first key that is not found tells it of what stands in one tree with a RUN, and of nothing else', async () => {
  const { first, built, other, below, final } = twoStages();
  const { forerunner, prepared } = watch(final);
  for (const node of [other, built, final, below]) forerunner.onMiss(node.digest);
  await forerunner.stop();
  assert.equal(prepared.length, 0);
  const again = watch(final);
  again.forerunner.onMiss(first.digest);
  await again.forerunner.stop();
  assert.equal(again.prepared.length, 1);
});

test('steps with no RUN behind them, and bases, which are in no cache, start nothing', async () => {
  const { below, other, final } = twoStages();
  const { forerunner, prepared } = watch(final);
  for (const node of [below, other, final]) forerunner.onExecute(node.digest);
  await forerunner.stop();
  assert.deepEqual(prepared, []);
});

test('a base that is still on its way when the build has ended is not waited for', {
  timeout: 10_000,
}, async () => {
  const { first, final } = twoStages();
  const forerunner = new Forerunner({
    roots: [final],
    keeper: { get: async () => ({}) } as unknown as KeeperStarter,
    sources: {
      path: (_descriptor: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise<string>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        ),
    } as unknown as LayerSources,
    signal: undefined,
  });
  forerunner.onExecute(first.digest);
  await forerunner.stop();
});
