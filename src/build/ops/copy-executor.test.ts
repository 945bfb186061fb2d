import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { LayerWriter } from '../../archive/layer-writer.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { StepCache } from '../cache/step-cache.ts';
import { Graph, type Node } from '../graph/graph.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { Solver, type SolverEvent } from '../solver/solver.ts';
import { GitRepositories } from '../sources/git-repositories.ts';
import { HttpFiles } from '../sources/http-files.ts';
import { BaseExecutor } from './base-executor.ts';
import { ContextExecutor } from './context-executor.ts';
import { CopyExecutor } from './copy-executor.ts';
import { FileOrigins } from './file-origins.ts';
import { LayerIntake } from './layer-intake.ts';
import { LayerOutcomeCache } from './layer-outcome-cache.ts';
import { LayerSources } from './layer-sources.ts';
import { MkdirExecutor } from './mkdir-executor.ts';
import { NodeVertices } from './node-vertices.ts';
import { RunExecutor } from './run-executor.ts';
import { TargetViews } from './target-views.ts';
import type { Outcome, Tree } from './tree.ts';

class CountingTree extends RootedTree {
  readonly path: string;
  /** Times that a file was opened for its bytes. */
  reads = 0;

  constructor(path: string) {
    super(path);
    this.path = path;
  }

  override *read(...of: Parameters<RootedTree['read']>): Generator<Buffer> {
    this.reads++;
    yield* super.read(...of);
  }

  override readAgain(...of: Parameters<RootedTree['readAgain']>): Buffer {
    this.reads++;
    return super.readAgain(...of);
  }
}

describe('COPY and WORKDIR in a graph', () => {
  let directory: string;
  let store: LayoutStore;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'copy-executor-'));
    mkdirSync(join(directory, 'context/src'), { recursive: true });
    writeFileSync(join(directory, 'context/src/a'), 'a');
    store = await LayoutStore.open(join(directory, 'store'), { create: true });
    // A file that is younger than that when it is read is not remembered.
    await setTimeout(100);
  });
  after(() => rmSync(directory, { recursive: true }));

  async function baseLayer(name: string): Promise<Layer> {
    const writer = await LayerWriter.create(store.temporaryPath());
    const root = { uid: 0, gid: 0, size: 0, mtime: 0, mode: 0o755 } as const;
    await writer.add({ ...root, path: name, type: 'directory' });
    const layer = await writer.finish();
    await store.adopt(writer.path, layer.descriptor);
    return { descriptor: layer.descriptor, diffId: layer.diffId };
  }

  /** Solves with an engine of its own, as each run of the program has one. */
  async function solve(nodes: readonly Node[], epoch?: number) {
    const keeper = (): Promise<KeeperClient> => assert.fail('the keeper was started');
    const sources = new LayerSources(store);
    const intake = new LayerIntake(store, { tocDirectory: join(directory, 'tocs') });
    const shared = { sources, intake, keeper, epoch, views: new TargetViews(intake, sources) };
    const context = new CountingTree(join(directory, 'context'));
    const origins: FileOrigins = new FileOrigins({
      openContext: async () => ({ ...(await origins.openDirectory(context.path)), tree: context }),
      http: new HttpFiles({ directory, get: () => assert.fail('something was fetched') }),
      git: new GitRepositories({ directory, env: {} }),
      hashDirectory: join(directory, 'hashes'),
      spoolDirectory: join(directory, 'spool'),
    });
    const cache = new LayerOutcomeCache(new StepCache(join(directory, 'cache'), store), { read: true });
    const given = { secrets: { read: async () => undefined }, agents: { socket: async () => undefined } };
    const vertices = new NodeVertices({
      base: new BaseExecutor(),
      copy: new CopyExecutor({ ...shared, origins, knows: (key, io) => cache.knows(key, io) }),
      context: new ContextExecutor({ origins, intake }),
      mkdir: new MkdirExecutor(shared),
      run: new RunExecutor({ ...shared, ...given, proxyEnv: [], onOutput: () => {} }),
    });
    const events: SolverEvent[] = [];
    const solver = new Solver<Tree, Outcome>(cache, { onEvent: (event) => events.push(event) });
    const trees = await solver.solve(nodes.map((node) => vertices.of(node)));
    await cache.flush();
    await origins.close();
    const layers = await Promise.all(
      trees.map((tree) =>
        Promise.all(tree.layers.map(async ({ stored }) => (await stored).layer.descriptor.digest)),
      ),
    );
    const ids = new Set(nodes.flatMap((node) => [node.digest, ...node.inputs.map((input) => input.digest)]));
    const bases = nodes
      .flatMap((node) => node.inputs.flatMap((input) => [input, ...input.inputs]))
      .filter((node) => node.op.kind === 'base');
    const ran = events.filter(
      (event) => event.type === 'vertex-done' && ids.has(event.id as Node['digest'] & string),
    );
    return {
      layers,
      executed: ran.filter((event) => !bases.some((base) => base.digest === event.id)).length,
      reads: context.reads,
    };
  }

  function plan(graph: Graph, base: Layer, destination: string): Node {
    const root = graph.add({ kind: 'base', layers: [base] }, []);
    const made = graph.add({ kind: 'mkdir', path: '/work', user: '' }, [root]);
    return graph.add(
      { kind: 'copy', sources: [{ origin: { kind: 'context' }, pattern: 'src' }], destination },
      [made],
    );
  }

  test('two bases that the steps see alike share every layer, and each step runs once', async () => {
    const graph = new Graph();
    const nodes = [
      plan(graph, await baseLayer('amd64'), '/work/x'),
      plan(graph, await baseLayer('arm64'), '/work/x'),
    ];
    const { layers, executed, reads } = await solve(nodes);
    assert.deepEqual({ executed, reads }, { executed: 2, reads: 1 });
    assert.deepEqual(layers[0]?.slice(1), layers[1]?.slice(1));
    assert.notEqual(layers[0]?.[0], layers[1]?.[0]);
    assert.deepEqual(await solve(nodes), { layers, executed: 0, reads: 0 });
  });

  test('other times of the same content hit the cache, other content does not', async () => {
    const nodes = [plan(new Graph(), await baseLayer('base'), '/work/y')];
    const first = await solve(nodes);
    utimesSync(join(directory, 'context/src/a'), 1_000_000_000, 1_000_000_000);
    assert.deepEqual(await solve(nodes), { ...first, executed: 0, reads: 1 });
    writeFileSync(join(directory, 'context/src/a'), 'b');
    const { executed, layers } = await solve(nodes);
    assert.equal(executed, 1);
    assert.notDeepEqual(layers, first.layers);
  });

  test('a file that no copy of this kind can have held is read once: for the layer, and for its key with it', async () => {
    const layer = await baseLayer('once');
    const first = await solve([plan(new Graph(), layer, '/work/once')]);
    assert.deepEqual([first.executed, first.reads], [1, 1]);
    writeFileSync(join(directory, 'context/src/a'), 'of another length');
    // Now one may have it.
    const second = await solve([plan(new Graph(), layer, '/work/once')]);
    assert.deepEqual([second.executed, second.reads], [1, 2]);
  });

  test('a layer that the store lost is made again', async () => {
    const nodes = [plan(new Graph(), await baseLayer('lost'), '/work/z')];
    const { layers } = await solve(nodes);
    const digest = layers[0]?.at(-1);
    assert.ok(digest);
    await store.delete({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 0 });
    const again = await solve(nodes);
    assert.equal(again.executed, 1);
    assert.deepEqual(again.layers[0]?.slice(0, -1), layers[0]?.slice(0, -1));
  });

  test('SOURCE_DATE_EPOCH is part of the key', async () => {
    const nodes = [plan(new Graph(), await baseLayer('epoch'), '/work/e')];
    const first = await solve(nodes);
    const { layers, executed } = await solve(nodes, 5);
    assert.equal(executed, 2);
    assert.notDeepEqual(layers, first.layers);
  });
});
