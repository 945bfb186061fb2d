import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LayerWriter } from '../../archive/layer-writer.ts';
import { writeTocFile } from '../../archive/toc.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { StepCache } from '../cache/step-cache.ts';
import { Graph, type Node } from '../graph/graph.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { CopiedLayer, CopyRequest } from '../keeper/protocol.ts';
import { Solver } from '../solver/solver.ts';
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

/** A keeper in whose stages everything has the same content. */
class SameContentKeeper {
  readonly calls: string[] = [];
  readonly #store: LayoutStore;

  constructor(store: LayoutStore) {
    this.#store = store;
  }

  async checksum() {
    this.calls.push('checksum');
    return digestOf('content');
  }

  async copy(request: CopyRequest): Promise<CopiedLayer> {
    this.calls.push(request.checksum ? 'copy with checksum' : 'copy');
    const { path, layer } = await writeLayer(this.#store, 'copied');
    await writeTocFile(`${path}.toc`, layer.toc);
    const { descriptor, diffId } = layer;
    const packed = { path, toc: `${path}.toc`, descriptor, diffId };
    return request.checksum ? { ...packed, checksum: digestOf('content') } : packed;
  }
}

async function writeLayer(store: LayoutStore, name: string) {
  const writer = await LayerWriter.create(store.temporaryPath());
  await writer.add({ path: name, type: 'directory', uid: 0, gid: 0, size: 0, mtime: 0, mode: 0o755 });
  return { path: writer.path, layer: await writer.finish() };
}

describe('COPY --from', () => {
  let directory: string;
  let store: LayoutStore;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'copy-from-stage-'));
    store = await LayoutStore.open(join(directory, 'store'), { create: true });
  });
  after(() => rmSync(directory, { recursive: true }));

  async function baseLayer(name: string): Promise<Layer> {
    const { path, layer } = await writeLayer(store, name);
    await store.adopt(path, layer.descriptor);
    return { descriptor: layer.descriptor, diffId: layer.diffId };
  }

  async function copied(stage: string, targets: readonly string[], destination: string): Promise<Node[]> {
    const graph = new Graph();
    const base = async (name: string) => graph.add({ kind: 'base', layers: [await baseLayer(name)] }, []);
    const from = await base(stage);
    const nodes: Node[] = [];
    for (const target of targets) {
      nodes.push(
        graph.add({ kind: 'copy', sources: [{ pattern: '.' }], destination }, [await base(target), from]),
      );
    }
    return nodes;
  }

  /** Solves with an engine of its own, as each run of the program has one; gives what the keeper was asked, and the trees' keys. */
  async function solve(nodes: readonly Node[]) {
    const fake = new SameContentKeeper(store);
    const sources = new LayerSources(store);
    const intake = new LayerIntake(store, { tocDirectory: join(directory, 'tocs') });
    const keeper = async () => fake as unknown as KeeperClient;
    const shared = { sources, intake, keeper, views: new TargetViews(intake, sources) };
    const origins = new FileOrigins({
      openContext: () => assert.fail('the context was read'),
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
    const trees = await new Solver<Tree, Outcome>(cache).solve(nodes.map((node) => vertices.of(node)));
    await cache.flush();
    return { calls: fake.calls, keys: trees.map((tree) => tree.key) };
  }

  test('the first copy reads its sources once, for both platforms, and is found again', async () => {
    const nodes = await copied('stage', ['amd64', 'arm64'], '/first');
    const { calls, keys } = await solve(nodes);
    assert.deepEqual(calls, ['copy with checksum']);
    assert.deepEqual(await solve(nodes), { calls: [], keys });
  });

  test('a stage that changed to the same content costs a checksum, and what follows is found', async () => {
    const { keys } = await solve(await copied('before', ['target'], '/second'));
    const changed = await solve(await copied('after', ['target'], '/second'));
    assert.deepEqual(changed, { calls: ['checksum'], keys });
    assert.deepEqual((await solve(await copied('after', ['target'], '/second'))).calls, []);
  });
});
