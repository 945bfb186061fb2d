import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ignoreFilesFor } from '../build/dockerfile/ignore.ts';
import type { BuildRequest, BuildResult, BuildEvent as EngineEvent } from '../build/engines/engine.ts';
import { LocalEngine } from '../build/engines/local/local-engine.ts';
import { contentFrom } from '../content/content.ts';
import { readManifest } from '../content/read-manifest.ts';
import type { Store } from '../content/store.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { parseSourceDateEpoch } from '../lib/epoch.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { hostPlatform, type Platform, parsePlatform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import type { CopyEvent } from '../transfer/copy-graph.ts';
import { agentSource } from './build-inputs/agents.ts';
import { entitlements, type RunDefaultTexts, runDefaults } from './build-inputs/run-defaults.ts';
import { secretSource } from './build-inputs/secrets.ts';
import type { BuildCaches, CacheSettings } from './cache/build-caches.ts';
import type { CacheEvent } from './cache/cache-event.ts';
import { findBase } from './find-base.ts';
import { ImagePush } from './image-push.ts';
import { openSources } from './open-sources.ts';
import type { RegistrySettings } from './registry-settings.ts';
import type { SandboxChoice } from './sandbox-choice.ts';
import { createRegistryClient, localName, openLocalStore } from './stores.ts';

export type BuildEvent = EngineEvent | CopyEvent | RegistryEvent | CacheEvent;

export interface BuildImageOptions {
  /** The context directory. */
  readonly context: string;
  /** Path of the Dockerfile; `<context>/Dockerfile` by default. */
  readonly file?: string | undefined;
  /** References that the result gets. */
  readonly tags: readonly string[];
  /** As typed; this machine's own by default. */
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
  readonly cache: boolean;
  /** Default: the first that works on this machine. */
  readonly sandbox?: SandboxChoice | undefined;
  /** `refuse`: no RUN step of a platform that this machine does not run itself. Default `allow`. */
  readonly emulation?: 'allow' | 'refuse' | undefined;
  /** Caches besides this machine's own. Default none. */
  readonly caches?: CacheSettings | undefined;
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
}

/** Largest Dockerfile and ignore file that are read. */
const maxTextBytes = 4 * 1024 * 1024;

/** From a Dockerfile to an image in a registry or in the local store. */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const env = options.env ?? process.env;
  const references = options.tags.map((tag) => parseReference(tag));
  if (options.push && references.length === 0) {
    throw failure('USAGE', 'push', options.context, 'the image has no name', {
      hint: 'add -t REGISTRY/REPOSITORY:TAG',
    });
  }
  const read = await readRequest(options, env);
  const data = dataDirectory(env);
  const store = await openLocalStore({ env, create: true });
  const client = await createRegistryClient({ ...options, env });
  const fetched = openSources({ dataDirectory: data, env });
  const caches = await openCaches(read, client, env, options);
  const request: BuildRequest = { ...read, inlineCache: caches?.inline ?? false };
  const engine = new LocalEngine({
    dataDirectory: data,
    store,
    ...fetched,
    sandbox: options.sandbox,
    emulation: options.emulation,
    importedRecords: caches?.imported ?? [],
    findBase: (reference, platform, io) => findBase(reference, platform, { ...io, local: store, client }),
  });
  const pushes = options.push ? references.map((reference) => new ImagePush(reference, client, options)) : [];
  try {
    const built = await engine.build(request, {
      signal: options.signal,
      onEvent: options.onEvent,
      onLayer: (layer, content) => {
        for (const push of pushes) push.ahead(layer, content);
      },
    });
    if (options.push) for (const push of pushes) await push.finish(built);
    else await keep(store, built, references, options);
    await caches?.finish(built);
    return {
      root: built.root,
      images: built.images,
      references: references.map((reference) => formatReference(withDefaultTag(reference))),
      pushed: options.push,
    };
  } catch (error) {
    await Promise.all(pushes.map((push) => push.abandon(error)));
    throw error;
  } finally {
    fetched.close();
    client.close();
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

/** What the options mean to an engine: the Dockerfile and ignore file are read. */
export async function readRequest(options: BuildImageOptions, env: NodeJS.ProcessEnv): Promise<BuildRequest> {
  const context = resolve(options.context);
  const state = await stat(context).catch(() => undefined);
  if (!state?.isDirectory()) {
    throw failure('NOT_FOUND', 'build', options.context, 'there is no such directory', {
      hint: 'polyarch build [OPTIONS] CONTEXT takes the directory that the Dockerfile copies from',
    });
  }
  const file = options.file === undefined ? join(context, 'Dockerfile') : resolve(options.file);
  const dockerfile = await readText(file);
  if (dockerfile === undefined) {
    throw failure('NOT_FOUND', 'read', file, 'there is no such Dockerfile', { hint: 'name it with -f FILE' });
  }
  const { beside, inContext } = ignoreFilesFor(file);
  const ignore = (await readText(beside)) ?? (await readText(join(context, inContext))) ?? '';
  const epoch = parseSourceDateEpoch(env.SOURCE_DATE_EPOCH);
  return {
    context: { kind: 'directory', path: context, ignore },
    dockerfile,
    filename: options.file ?? 'Dockerfile',
    platforms: platformList(options.platforms),
    ...(options.target === undefined ? {} : { target: options.target }),
    buildArgs: buildArguments(options.buildArgs, env),
    network: options.network,
    allow: entitlements(options.allow ?? []),
    run: runDefaults(options.run ?? {}),
    secrets: await secretSource(options.secrets ?? [], env),
    agents: await agentSource(options.ssh ?? [], env),
    cache: options.cache,
    ...(epoch === undefined ? {} : { epoch }),
  };
}

async function readText(path: string): Promise<string | undefined> {
  const state = await stat(path).catch(() => undefined);
  if (!state?.isFile()) return undefined;
  if (state.size > maxTextBytes) {
    throw failure('LIMIT', 'read', path, `larger than ${maxTextBytes} bytes`);
  }
  return await readFile(path, 'utf8');
}

function platformList(texts: readonly string[]): Platform[] {
  const platforms = texts
    .flatMap((text) => text.split(','))
    .filter((text) => text.trim() !== '')
    .map((text) => parsePlatform(text.trim()));
  return platforms.length === 0 ? [hostPlatform()] : platforms;
}

function buildArguments(texts: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
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
