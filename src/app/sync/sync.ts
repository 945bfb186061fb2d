import { canListTags, canMount, type IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { type ErrorCode, failure, isFailure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import { KeyedTurns } from '../../lib/keyed-turns.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatLocation, type Location, parseLocation } from '../../oci/location.ts';
import { hostPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import type { CopyEvent } from '../../transfer/copy-graph.ts';
import { Referrers } from '../../transfer/referrers.ts';
import type { ManifestFamily } from '../../transfer/rewrite/docker-types.ts';
import type { CopyImageEvent } from '../copy/copy.ts';
import { copyBetween } from '../copy/copy-between.ts';
import { CopyCounter, type CopyCounts } from '../copy/copy-counts.ts';
import { openTarget } from '../open-target.ts';
import type { OpenedStore } from '../opened-store.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';
import { destinationOf, type SyncDestination } from './plan-sync.ts';
import type { SyncSource } from './sync-source.ts';
import { chosenTags } from './tag-choice.ts';

/** Images under way at once; the pool of connections to a host is what limits their contents. */
const imagesAtOnce = 6;

export interface SyncRequest extends IoOptions {
  readonly destination: SyncDestination;
  /** Go on with the other images when one fails. Default false. */
  readonly keepGoing?: boolean | undefined;
  readonly platforms?: readonly string[] | undefined;
  /** This platform's manifest in place of each index. */
  readonly only?: Platform | undefined;
  readonly referrers?: boolean | undefined;
  readonly type?: ManifestFamily | undefined;
  readonly dryRun?: boolean | undefined;
  /** For every source registry; a source's own settings come first. */
  readonly sourceRegistry?: RegistrySettings | undefined;
  readonly targetRegistry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export type SyncEvent = CopyImageEvent | ({ readonly type: 'image' } & SyncedImage);

export interface SyncedImage {
  readonly source: string;
  /** Absent when it failed before there was one. */
  readonly target?: string;
  /** `unchanged`: the target had it under its name. */
  readonly state: 'copied' | 'unchanged' | 'failed';
  readonly digest?: Digest;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
}

export interface SyncResult {
  readonly images: readonly SyncedImage[];
  readonly copied: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly counts: CopyCounts;
}

/** What one command line names: `--src docker REPOSITORY[:TAG]`, `--src yaml FILE`. */
export async function syncSourcesOf(transport: string, source: string): Promise<SyncSource[]> {
  switch (transport) {
    case 'docker': {
      const location = parseLocation(source);
      if (location.transport !== 'docker')
        throw failure('USAGE', 'sync', source, 'no repository of a registry');
      const { registry, repository, tag, digest } = location.reference;
      const identifier = digest ?? tag;
      const choice =
        identifier === undefined
          ? { kind: 'all' as const }
          : { kind: 'listed' as const, identifiers: [identifier] };
      return [{ registry, repository, choice, settings: {} }];
    }
    case 'yaml':
      return await (await import('./sync-file.ts')).readSyncFile(source);
    default:
      throw failure('UNSUPPORTED', 'sync from', transport, 'no source of a sync here', {
        hint: '--src docker REPOSITORY and --src yaml FILE are; polyarch copy takes one image from anywhere',
      });
  }
}

/**
 * Copies every image that the sources name to the destination, some at once; what several images share moves once. An image that the
 * destination has under its name costs two requests. Without `keepGoing` the first failure is thrown; with it the result tells each.
 */
export async function sync(sources: readonly SyncSource[], request: SyncRequest): Promise<SyncResult> {
  const run = new SyncRun(request);
  try {
    return await run.all(sources);
  } finally {
    run.close();
  }
}

class SyncRun {
  readonly #request: SyncRequest;
  readonly #clients = new Map<string, Promise<RegistryClient>>();
  readonly #pool = new Pool(imagesAtOnce);
  readonly #turns = new KeyedTurns();
  readonly #counter = new CopyCounter();
  /** Repositories of the target registry that have a blob: it is mounted from there. */
  readonly #repositories = new Map<Digest, string>();
  readonly #images: SyncedImage[] = [];
  readonly #stop = new AbortController();

  constructor(request: SyncRequest) {
    this.#request = request;
  }

  async all(sources: readonly SyncSource[]): Promise<SyncResult> {
    const { signal } = this.#request;
    const abort = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#each(sources.map((source) => () => this.#source(source)));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    const count = (state: SyncedImage['state']) =>
      this.#images.filter((image) => image.state === state).length;
    return {
      images: this.#images,
      copied: count('copied'),
      unchanged: count('unchanged'),
      failed: count('failed'),
      counts: this.#counter.counts,
    };
  }

  close(): void {
    for (const client of this.#clients.values()) client.then((made) => made.close()).catch(() => {});
  }

  /** The first failure stops the others, and is thrown when they have ended. */
  async #each(tasks: readonly (() => Promise<void>)[]): Promise<void> {
    const settled = await Promise.allSettled(
      tasks.map(async (task) => {
        try {
          await task();
        } catch (error) {
          this.#stop.abort(error);
          throw error;
        }
      }),
    );
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed)
      throw this.#stop.signal.reason instanceof PolyarchError ? this.#stop.signal.reason : failed.reason;
  }

  async #source(source: SyncSource): Promise<void> {
    const { registry, repository, choice, settings } = source;
    const named = (identifier?: string): Location => {
      const reference: Reference = { registry, repository };
      if (identifier === undefined) return { transport: 'docker', reference };
      return parseLocation(
        `docker://${registry}/${repository}${identifier.includes(':') ? '@' : ':'}${identifier}`,
      );
    };
    let opened: OpenedStore;
    let identifiers: readonly string[];
    try {
      const client = await this.#client({ ...this.#request.sourceRegistry, ...settings });
      opened = await openStore(named(), { client });
      const tags: string[] = [];
      if (choice.kind !== 'listed' && canListTags(opened.store)) {
        for await (const tag of opened.store.listTags({ signal: this.#stop.signal })) tags.push(tag);
      }
      identifiers = chosenTags(choice, tags);
    } catch (error) {
      this.#failed(`${registry}/${repository}`, undefined, error);
      return;
    }
    const referrers = new Referrers(opened.store);
    await this.#each(
      identifiers.map(
        (identifier) => () =>
          this.#pool.run(async () => {
            if (this.#stop.signal.aborted) return;
            const from = { ...opened, reference: identifier, referrers };
            await this.#image(from, formatLocation(named(identifier)), source, identifier);
          }),
      ),
    );
  }

  async #image(from: OpenedStore, name: string, source: SyncSource, identifier: string): Promise<void> {
    const { destination, env, dryRun, referrers, type } = this.#request;
    let target: string | undefined;
    try {
      const platforms = this.#request.platforms?.map(parsePlatform);
      const location = destinationOf(source, identifier, destination);
      target = formatLocation(location);
      const client = await this.#client(this.#request.targetRegistry ?? {});
      const platform = platforms?.[0] ?? hostPlatform();
      const to = await openTarget([location], { client, env, platform, dryRun });
      const repository = canMount(to.store) ? to.store.repository : undefined;
      const outcome = await copyBetween(from, to, {
        signal: this.#stop.signal,
        changes: { platforms, only: this.#request.only, type },
        referrers,
        dryRun,
        turns: destination.transport === 'docker' ? this.#turns : undefined,
        mountFrom: ({ digest }: Descriptor) => [this.#repositories.get(digest) ?? []].flat(),
        onEvent: (event) => this.#tell(event, repository),
      });
      const state = outcome.unchanged ? 'unchanged' : 'copied';
      this.#add({ source: name, target, state, digest: outcome.root.digest });
    } catch (error) {
      this.#failed(name, target, error);
    }
  }

  #tell(event: CopyEvent, repository: string | undefined): void {
    this.#counter.add(event);
    if (repository !== undefined && event.state !== 'foreign')
      this.#repositories.set(event.descriptor.digest, repository);
    this.#request.onEvent?.(event);
  }

  #failed(source: string, target: string | undefined, error: unknown): void {
    if (!this.#request.keepGoing || isFailure(error, 'INTERRUPTED')) throw error;
    const code = error instanceof PolyarchError ? error.code : 'REGISTRY';
    const hint = error instanceof PolyarchError ? error.hint : undefined;
    this.#add({
      source,
      ...(target === undefined ? {} : { target }),
      state: 'failed',
      error: { code, message: reasonOf(error), ...(hint === undefined ? {} : { hint }) },
    });
  }

  #add(image: SyncedImage): void {
    this.#images.push(image);
    this.#request.onEvent?.({ type: 'image', ...image });
  }

  /** One for all that is spoken to alike. */
  #client(settings: RegistrySettings): Promise<RegistryClient> {
    const key = JSON.stringify(settings);
    let client = this.#clients.get(key);
    if (client === undefined) {
      const { onEvent, env } = this.#request;
      client = createRegistryClient({ registry: settings, onEvent, env });
      this.#clients.set(key, client);
    }
    return client;
  }
}
