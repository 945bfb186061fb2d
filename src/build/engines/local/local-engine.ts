import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FileBacked, IoOptions, Store } from '../../../content/store.ts';
import type { Digest } from '../../../lib/digest.ts';
import { hostPlatform, type Platform } from '../../../oci/platform.ts';
import type { RecordSource } from '../../cache/record-source.ts';
import { StepCache } from '../../cache/step-cache.ts';
import { sourceOf } from '../../dockerfile/source.ts';
import { exportRoot } from '../../export/image.ts';
import { LazySource } from '../../export/lazy-source.ts';
import { planWanted } from '../../frontend/plan-wanted.ts';
import type { CopyOp } from '../../graph/op.ts';
import { BaseExecutor } from '../../ops/base-executor.ts';
import { BuildRecorder } from '../../ops/build-recorder.ts';
import { ContextExecutor } from '../../ops/context-executor.ts';
import { CopyExecutor } from '../../ops/copy-executor.ts';
import { FileOrigins } from '../../ops/file-origins.ts';
import { type LayerHome, LayerIntake } from '../../ops/layer-intake.ts';
import { LayerOutcomeCache } from '../../ops/layer-outcome-cache.ts';
import { LayerSources } from '../../ops/layer-sources.ts';
import { MkdirExecutor } from '../../ops/mkdir-executor.ts';
import { NodeVertices } from '../../ops/node-vertices.ts';
import { RunExecutor } from '../../ops/run-executor.ts';
import { StepClaims } from '../../ops/step-claims.ts';
import { TargetViews } from '../../ops/target-views.ts';
import type { Outcome, Tree } from '../../ops/tree.ts';
import type { StepResources } from '../../sandbox/cgroups/step-resources.ts';
import type { Tier } from '../../sandbox/tier.ts';
import { Solver } from '../../solver/solver.ts';
import type { SolveOptions } from '../../solver/vertex.ts';
import type { RepositoryFetcher } from '../../sources/git-repositories.ts';
import type { FileFetcher } from '../../sources/http-files.ts';
import {
  type BuildContent,
  type BuildOptions,
  type BuildRequest,
  type BuildResult,
  type Engine,
  ignoreOf,
} from '../engine.ts';
import { exportImages } from './export-images.ts';
import { Forerunner } from './forerunner.ts';
import type { FoundBase } from './found-base.ts';
import { journalKey } from './journal-key.ts';
import { checkEmulation, KeeperStarter } from './keeper-starter.ts';
import { openContext } from './open-context.ts';
import { OptionalPlatforms } from './optional-platforms.ts';
import { readsTrees } from './reads-trees.ts';
import { ReadyLayers } from './ready-layers.ts';
import { rememberedBase, rememberedContexts } from './remembered-bases.ts';
import { withExcerpt } from './step-failure.ts';
import { StepProgress } from './step-progress.ts';

export interface LocalEngineOptions {
  /** What other machines' builds made: `--cache-from`. Default none. */
  readonly importedRecords?: readonly RecordSource[];
  readonly dataDirectory: string;
  readonly store: Store & FileBacked & LayerHome;
  /** What fetches the sources of ADD. */
  readonly http: FileFetcher;
  readonly git: RepositoryFetcher;
  /** Default: the first that works. */
  readonly sandbox?: 'auto' | Tier | undefined;
  /** What each RUN may use. UNSUPPORTED where nothing can hold it to that. Default: no limits. */
  readonly resources?: StepResources | undefined;
  /** Default `allow`. */
  readonly emulation?: 'allow' | 'refuse' | undefined;
  readonly findBase: (reference: string, platform: Platform, options: IoOptions) => Promise<FoundBase>;
  /** Whether the result goes only to where a base image's blobs are: then those that no step needs are not kept here. Default: no. */
  readonly staysAt?: (origin: NonNullable<FoundBase['origin']>) => boolean;
}

/** Builds on this machine: steps run in sandboxes of the keeper, COPY layers are written by this process. */
export class LocalEngine implements Engine {
  readonly #options: LocalEngineOptions;

  constructor(options: LocalEngineOptions) {
    this.#options = options;
  }

  async build(request: BuildRequest, options: BuildOptions = {}): Promise<BuildResult> {
    const { dataDirectory, store, http, git, findBase } = this.#options;
    const onEvent = options.onEvent ?? (() => {});
    const origins = new Map<Digest, NonNullable<FoundBase['origin']>>();
    const sources = new LayerSources(store, {
      onFetch: (descriptor) => onEvent({ type: 'layer-fetch', descriptor }),
    });
    const remember = (base: FoundBase, reference: string): void => {
      recorder.onBase(reference, base.layers);
      for (const { descriptor } of base.layers) {
        sources.register(descriptor.digest, base.store);
        if (base.origin) origins.set(descriptor.digest, base.origin);
      }
    };
    const cacheDirectory = join(dataDirectory, 'cache');
    const { cache: read, epoch, names = [] } = request;
    const recorder = new BuildRecorder({
      ...{ directory: cacheDirectory, key: journalKey(request), names, cache: read, epoch },
    });
    const optional = new OptionalPlatforms(request.optional ?? [], onEvent);
    const plan = await planWanted(
      {
        ...request,
        ...ignoreOf(request.context),
        contexts: rememberedContexts(request.contexts, remember),
        buildPlatform: hostPlatform(),
      },
      request.optional ?? [],
      {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        resolveBase: rememberedBase(findBase, remember),
        leaveOut: (platform, error) => optional.leaveOut(platform, error),
      },
    );
    for (const warning of plan.warnings) onEvent({ type: 'warning', warning });
    const emulation = this.#options.emulation ?? 'allow';
    const planned = plan.images.filter(({ platform, node }) => {
      try {
        checkEmulation([node], emulation);
        return true;
      } catch (error) {
        optional.leaveOut(platform, error);
        return false;
      }
    });
    optional.demandAny(planned.length);
    const roots = planned.map((image) => image.node);
    if (!readsTrees(roots)) {
      for (const [digest, origin] of origins) if (this.#options.staysAt?.(origin)) sources.leave(digest);
    }
    const progress = new StepProgress(roots, onEvent);
    onEvent({ type: 'planned', steps: progress.steps, platforms: request.platforms });

    const keeper = new KeeperStarter({
      dataDirectory,
      roots,
      required: planned.filter(({ platform }) => !optional.includes(platform)).map(({ node }) => node),
      sandbox: this.#options.sandbox ?? 'auto',
      resources: this.#options.resources,
      signal: options.signal,
      onEvent,
    });
    const content: BuildContent = {
      source: new LazySource(store, (digest) => sources.remoteOf(digest)),
      origin: (descriptor) => origins.get(descriptor.digest),
    };
    const ready = new ReadyLayers(roots, (layer) => options.onLayer?.(layer, content));
    const forerunner = new Forerunner({ roots, keeper, sources, signal: options.signal });
    const intake = new LayerIntake(store, { tocDirectory: join(dataDirectory, 'tocs') });
    const views = new TargetViews(intake, sources);
    const shared = {
      intake,
      views,
      sources,
      keeper: (platform?: Platform) => keeper.get(platform),
      epoch: request.epoch,
    };
    const claims = new StepClaims({
      directory: join(cacheDirectory, 'claims'),
      loadTryLock: async () => {
        const { loadMountCalls } = await import('../../snapshot/mount-calls.ts');
        return (await loadMountCalls()).tryLock;
      },
    });
    const cache = new LayerOutcomeCache(new StepCache(join(cacheDirectory, 'steps'), store), {
      read: request.cache,
      imported: this.#options.importedRecords ?? [],
      onRecorded: (keys) => claims.release(keys),
      onImport: ({ layer: { descriptor } }, from) => {
        sources.register(descriptor.digest, from.store);
        if (from.origin) origins.set(descriptor.digest, from.origin);
      },
    });
    const files: FileOrigins = new FileOrigins({
      openContext: (name) => openContext(request, name, files),
      http,
      git,
      hashDirectory: join(cacheDirectory, 'contexts'),
      spoolDirectory: join(dataDirectory, 'spool'),
    });
    const source = sourceOf(request.dockerfile, request.filename);
    const copy = new CopyExecutor({ ...shared, origins: files, knows: (key, io) => cache.knows(key, io) });
    const vertices = new NodeVertices(
      {
        base: new BaseExecutor(),
        copy,
        context: new ContextExecutor({ origins: files, intake }),
        mkdir: new MkdirExecutor(shared),
        run: new RunExecutor({
          resources: this.#options.resources,
          // Who wants steps to run again does not wait for another's.
          ...(request.cache && { claims, lookup: (key: Digest, io: SolveOptions) => cache.lookup(key, io) }),
          ...shared,
          proxyEnv: plan.proxyEnv,
          secrets: request.secrets,
          agents: request.agents,
          onOutput: (output) => progress.onOutput(output),
        }),
      },
      {
        explain: (error, node) => withExcerpt(error, node, source),
        onMade: (node, outcome) => ready.onMade(node, outcome),
        onSolved: (node, outcome, tree) => recorder.onSolved(node, outcome, tree),
      },
    );
    let results: readonly Digest[] = [];
    let ending: Promise<unknown> | undefined;
    try {
      const solver = new Solver<Tree, Outcome>(cache, {
        parallel: request.parallel ?? availableParallelism(),
        onEvent: (event) => {
          if (event.type === 'vertex-executing') {
            forerunner.onExecute(event.id);
            recorder.onExecute(event.id);
          } else if (event.type === 'vertex-missed') {
            // Records from elsewhere may still have what stands on it.
            if (!this.#options.importedRecords?.length) forerunner.onMiss(event.id);
          } else progress.onSolverEvent(event);
        },
      });
      const solved = await solver.settle(
        planned.map(({ platform, node }) => ({
          vertex: vertices.of(node),
          mayFail: (error) => optional.mayFail(platform, error),
        })),
        { signal: options.signal },
      );
      const images = await exportImages(planned, solved, {
        store,
        recordDirectory: join(cacheDirectory, 'images'),
        epoch: request.epoch,
        entries: request.inlineCache ? await cache.entries() : undefined,
        optional,
        signal: options.signal,
        onEvent,
      });
      const root = await exportRoot(
        store,
        images.map((image) => image.manifest),
        { ...options, index: plan.index },
      );
      onEvent({ type: 'exported', root });
      results = [root.digest, ...images.map(({ manifest }) => manifest.digest)];
      const result: BuildResult = {
        root,
        images,
        ...content,
        leftOut: optional.leftOut,
        warnings: plan.warnings,
        cacheEntries: await cache.entries(),
      };
      // Every layer is packed: nothing more is asked of them.
      ending = Promise.all([keeper.close(), files.close()]);
      await options.deliver?.(result);
      return result;
    } finally {
      const stopped = forerunner.stop();
      await ending;
      await cache.flush();
      claims.releaseAll();
      await files.close();
      const { signal } = new AbortController();
      const filesOf = (op: CopyOp) => copy.filesOf(op, { signal });
      // A build does not fail for what is told of it.
      const saved = recorder.save({ roots, results, filesOf }).catch(() => {});
      await keeper.close();
      await stopped;
      await saved;
    }
  }
}
