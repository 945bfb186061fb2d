import { join } from 'node:path';
import type {
  BuildRequest,
  BuildResult,
  BuildEvent as EngineEvent,
  LeftOut,
} from '../build/engines/engine.ts';
import { LocalEngine } from '../build/engines/local/local-engine.ts';
import { readBuilderArguments } from '../build/frontend/builder-arguments.ts';
import { contentFrom } from '../content/content.ts';
import { readManifest } from '../content/read-manifest.ts';
import type { Store } from '../content/store.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { parseSourceDateEpoch } from '../lib/epoch.ts';
import { failure } from '../lib/errors.ts';
import { parseGoBoolean } from '../lib/go-boolean.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { hostPlatform, type Platform } from '../oci/platform.ts';
import { parseWantedPlatforms, type WantedPlatforms } from '../oci/platform-list.ts';
import { formatReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import type { CopyEvent } from '../transfer/copy-graph.ts';
import { agentSource, type BuildAgents } from './build-inputs/agents.ts';
import { entitlements, type RunDefaultTexts, runDefaults } from './build-inputs/run-defaults.ts';
import { secretSource } from './build-inputs/secrets.ts';
import { type ResourceTexts, stepResources } from './build-inputs/step-resources.ts';
import type { BuildCaches, CacheSettings } from './cache/build-caches.ts';
import type { CacheEvent } from './cache/cache-event.ts';
import { gcDue } from './cache/gc-due.ts';
import type { BuildMounts, MountsSettings } from './cache/mounts/build-mounts.ts';
import type { MountsOptions } from './cache/mounts/import-mounts.ts';
import { openBuildContext } from './contexts/open-build-context.ts';
import { type FindImage, openNamedContexts } from './contexts/open-named-contexts.ts';
import { BaseFinder, findLocated } from './find-base.ts';
import { imagePushes } from './image-push.ts';
import { openSources, type Sources } from './open-sources.ts';
import { parseTag } from './parse-tag.ts';
import type { RegistrySettings } from './registry-settings.ts';
import type { SandboxChoice } from './sandbox-choice.ts';
import { createRegistryClient, localName, openLocalStore } from './stores.ts';

/** An optional platform that is not in the result, and why. */
export type LeftOutPlatform = LeftOut;

export type BuildEvent = EngineEvent | CopyEvent | RegistryEvent | CacheEvent;

export interface BuildImageOptions {
  /** A directory, a git repository, the URL of a tar or of a Dockerfile, or `-`: one of these two on standard input. */
  readonly context: string;
  /** Path of the Dockerfile, its URL, or `-` for standard input; `<context>/Dockerfile` by default. */
  readonly file?: string | undefined;
  /** `--build-context NAME=VALUE`. */
  readonly contexts?: readonly string[] | undefined;
  /** Default: the process's. */
  readonly stdin?: AsyncIterable<Buffer> | undefined;
  /** References that the result gets. */
  readonly tags: readonly string[];
  /** As typed, `linux/riscv64?` for one that may fail; this machine's own by default. */
  readonly platforms: readonly string[];
  readonly target?: string | undefined;
  /** `NAME=value`, or `NAME` for the environment's value. */
  readonly buildArgs: readonly string[];
  readonly network: 'host' | 'none';
  /** `--secret`, `--ssh` and `--allow`, as typed. */
  readonly secrets?: readonly string[] | undefined;
  readonly ssh?: readonly string[] | undefined;
  readonly allow?: readonly string[] | undefined;
  /** Hosts and limits of every RUN, as typed. */
  readonly run?: RunDefaultTexts | undefined;
  /** What each RUN may use, as typed. */
  readonly resources?: ResourceTexts | undefined;
  /** Most steps at a time. Default: the number of the processor's threads. */
  readonly parallel?: number | undefined;
  readonly cache: boolean;
  /** Default: the first that works on this machine. */
  readonly sandbox?: SandboxChoice | undefined;
  /** `refuse`: no RUN step of a platform that this machine does not run itself. Default `allow`. */
  readonly emulation?: 'allow' | 'refuse' | undefined;
  /** Caches besides this machine's own. Default none. */
  readonly caches?: CacheSettings | undefined;
  /** Cache mounts that are kept elsewhere. Default none. */
  readonly cacheMounts?: MountsSettings | undefined;
  /** What builds may leave on this machine, as typed. Default: $POLYARCH_GC, else BuildKit's policy. */
  readonly gc?: string | undefined;
  /** True: to the registry that each tag names. False: into the local store. */
  readonly push: boolean;
  readonly registry?: RegistrySettings | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: BuildEvent) => void) | undefined;
}

export interface BuiltImage {
  readonly root: Descriptor;
  readonly images: readonly { readonly platform: Platform; readonly manifest: Descriptor }[];
  readonly references: readonly string[];
  readonly pushed: boolean;
  /** Optional platforms that failed: they are not in the index. */
  readonly leftOut: readonly LeftOutPlatform[];
}

/** From a Dockerfile to an image in a registry or in the local store. */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const env = options.env ?? process.env;
  const references = options.tags.map(parseTag);
  if (options.push && references.length === 0) {
    throw failure('USAGE', 'push', options.context, 'the image has no name', {
      hint: 'add -t REGISTRY/REPOSITORY:TAG',
    });
  }
  const resources = stepResources(options.resources ?? {});
  const gc = options.gc ?? (env.POLYARCH_GC || undefined);
  if (gc !== undefined) (await import('./cache/gc-policy.ts')).parseGcPolicy(gc);
  const data = dataDirectory(env);
  const store = await openLocalStore({ env, create: true });
  const client = await createRegistryClient({ ...options, env });
  const sources = openSources({ dataDirectory: data, env });
  const pushes = options.push ? imagePushes(references, client, options) : [];
  let agents: BuildAgents | undefined;
  let ran = false;
  const { onEvent = () => {} } = options;
  try {
    const read = await readRequest(options, { env, sources, findImage: findLocated });
    agents = read.agents;
    const caches = await openCaches(read, client, env, options);
    const mounts = await openMounts(read, { dataDirectory: data, store, client, env }, options);
    const { inlineCache } = readBuilderArguments(read.buildArgs, { platforms: read.platforms.length });
    const names = references.map((reference) => formatReference(withDefaultTag(reference)));
    const request: BuildRequest = { ...read, names, inlineCache: caches?.inline || inlineCache };
    const bases = new BaseFinder({ local: store, client, documents: join(data, 'cache', 'documents') });
    const engine = new LocalEngine({
      dataDirectory: data,
      store,
      http: sources.http,
      git: sources.git,
      sandbox: options.sandbox,
      resources,
      emulation: options.emulation,
      importedRecords: caches?.imported ?? [],
      findBase: (reference, platform, io) => bases.find(reference, platform, io),
      staysAt: ({ registry }) =>
        options.push && references.every((reference) => reference.registry === registry),
    });
    const built = await engine.build(request, {
      signal: options.signal,
      onEvent(event) {
        ran ||= event.type === 'step-done';
        onEvent(event);
      },
      onLayer: (layer, content) => {
        for (const push of pushes) push.ahead(layer, content);
      },
      deliver: async (result) => {
        if (options.push) for (const push of pushes) await push.finish(result);
        else await keep(store, result, references, options);
        await caches?.finish(result);
        await mounts?.finish();
      },
    });
    if (ran && gc !== 'off') await collect(data, gc, options);
    return {
      root: built.root,
      images: built.images,
      references: names,
      pushed: options.push,
      leftOut: built.leftOut,
    };
  } catch (error) {
    await Promise.all(pushes.map((push) => push.abandon(error)));
    throw error;
  } finally {
    await agents?.close();
    sources.close();
    client.close();
  }
}

/** After a build that made something, once an hour. A build does not fail for it. */
async function collect(data: string, text: string | undefined, options: BuildImageOptions): Promise<void> {
  const { env, signal, onEvent = () => {} } = options;
  try {
    if (!gcDue(data, Date.now())) return;
    const [{ defaultGcPolicy, parseGcPolicy }, { collectGarbage }, { freedBy }] = await Promise.all([
      import('./cache/gc-policy.ts'),
      import('./cache/collect-garbage.ts'),
      import('./cache/choose-items.ts'),
    ]);
    const policy = text === undefined ? defaultGcPolicy : parseGcPolicy(text);
    if (policy === undefined) return;
    const { removed, left } = await collectGarbage(policy, { env, signal });
    if (removed.length > 0)
      onEvent({ type: 'cache-collected', removed: removed.length, bytes: freedBy(removed), left });
  } catch {
    // What could not be removed is tried again by a build of the next hour.
  }
}

async function openCaches(
  request: BuildRequest,
  client: RegistryClient,
  env: NodeJS.ProcessEnv,
  options: BuildImageOptions,
): Promise<BuildCaches | undefined> {
  const { caches, signal, onEvent } = options;
  if (caches === undefined) return undefined;
  const { openBuildCaches } = await import('./cache/build-caches.ts');
  return await openBuildCaches(caches, { client, request, env, signal, onEvent });
}

async function openMounts(
  { platforms }: BuildRequest,
  places: Pick<MountsOptions, 'dataDirectory' | 'store' | 'client' | 'env'>,
  { cacheMounts, sandbox, signal, onEvent = () => {} }: BuildImageOptions,
): Promise<BuildMounts | undefined> {
  if (cacheMounts === undefined) return undefined;
  const { openBuildMounts } = await import('./cache/mounts/build-mounts.ts');
  return await openBuildMounts(cacheMounts, platforms, { ...places, sandbox, signal, onEvent });
}

async function keep(
  store: Store,
  built: BuildResult,
  references: readonly Reference[],
  options: BuildImageOptions,
): Promise<void> {
  await bringHome(store, built, options);
  for (const reference of references) await store.tag(built.root, localName(reference), options);
}

/** Brings the base layers that no step read into the local store: an image there must be whole. */
async function bringHome(store: Store, built: BuildResult, options: BuildImageOptions): Promise<void> {
  for (const { manifest } of built.images) {
    const { layers } = await readManifest(store, manifest, options);
    for (const layer of layers) await store.push(layer, contentFrom(built.source, layer), options);
  }
}

/** What the options mean to an engine: contexts are opened, the Dockerfile and ignore file are read. */
export async function readRequest(
  options: BuildImageOptions,
  io: { readonly env: NodeJS.ProcessEnv; readonly sources: Sources; readonly findImage: FindImage },
): Promise<BuildRequest & { readonly agents: BuildAgents }> {
  const { env } = io;
  const buildArgs = buildArguments(options.buildArgs, env);
  const epoch = parseSourceDateEpoch(buildArgs.SOURCE_DATE_EPOCH);
  const opened = await openBuildContext(options, {
    ...io,
    keepGitDirectory: parseGoBoolean(buildArgs.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? '') ?? false,
  });
  return {
    ...opened,
    ...(await openNamedContexts(options.contexts ?? [], io)),
    ...wantedPlatforms(options.platforms),
    ...(options.target === undefined ? {} : { target: options.target }),
    buildArgs,
    network: options.network,
    allow: entitlements(options.allow ?? []),
    run: runDefaults(options.run ?? {}),
    secrets: await secretSource(options.secrets ?? [], env),
    agents: await agentSource(options.ssh ?? [], env),
    ...(options.parallel === undefined ? {} : { parallel: options.parallel }),
    cache: options.cache,
    ...(epoch === undefined ? {} : { epoch }),
  };
}

function wantedPlatforms(texts: readonly string[]): WantedPlatforms {
  const wanted = parseWantedPlatforms(texts);
  return wanted.platforms.length > 0 ? wanted : { platforms: [hostPlatform()], optional: [] };
}

/** As buildx does, SOURCE_DATE_EPOCH of the environment is a build argument where none is given. */
function buildArguments(texts: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  if (env.SOURCE_DATE_EPOCH) values.SOURCE_DATE_EPOCH = env.SOURCE_DATE_EPOCH;
  for (const text of texts) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === '') {
      throw failure('USAGE', 'use --build-arg', text, 'there is no name before "="', {
        hint: '--build-arg NAME=value',
      });
    }
    const value = equals < 0 ? env[name] : text.slice(equals + 1);
    if (value !== undefined) values[name] = value;
  }
  return values;
}
