import { MemoryStore } from '../../content/memory-store.ts';
import type { Store } from '../../content/store.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { formatLocation, type Location, parseLocation } from '../../oci/location.ts';
import { withDefaultTag } from '../../oci/reference.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import { checkTarget } from '../check-target.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';

export interface IndexStoresOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface NamedStore {
  /** In full, for messages and results. */
  readonly name: string;
  readonly location: Location;
  readonly store: Store;
  readonly reference: string;
}

/** The stores of one command: one connection pool for all, and one store for all names of a repository. */
export class IndexStores {
  readonly #options: IndexStoresOptions;
  readonly #stores = new Map<string, Store>();
  readonly #closers: (() => Promise<void>)[] = [];
  #client: Promise<RegistryClient> | undefined;

  constructor(options: IndexStoresOptions) {
    this.#options = options;
  }

  /** Something to read. A name without a transport is a registry's. */
  async source(location: Location): Promise<NamedStore> {
    return await this.#open(location, false);
  }

  /**
   * Something to write: a registry's repository, the local store, or a name in an OCI layout. What does not exist is made, except in a dry
   * run, which takes it for empty. USAGE or UNSUPPORTED.
   */
  async target(text: string, options: { dryRun?: boolean | undefined } = {}): Promise<NamedStore> {
    const location = parseLocation(text);
    switch (location.transport) {
      case 'docker':
        checkTarget(location.reference, text, 'write');
        refuseDigest(text, location.reference.digest);
        break;
      case 'local':
        refuseDigest(text, location.reference.digest);
        break;
      case 'oci':
        refuseDigest(text, location.digest);
        if (location.name === undefined) {
          throw failure('USAGE', 'write', text, 'an index in a layout needs a name', {
            hint: `oci:${location.path}:NAME`,
          });
        }
        break;
      default:
        throw failure(
          'UNSUPPORTED',
          'write',
          text,
          `an index cannot be put together in ${location.transport}:`,
          {
            hint: 'oci:DIRECTORY:NAME, local:NAME or a registry; polyarch copy then brings it elsewhere',
          },
        );
    }
    if (!options.dryRun) return await this.#open(location, true);
    try {
      return await this.#open(location, false);
    } catch (error) {
      if (!isFailure(error, 'NOT_FOUND')) throw error;
      const name = nameOf(location);
      return { name, location, store: new MemoryStore(), reference: name };
    }
  }

  /** Each name once, in order. */
  async targets(
    names: readonly string[],
    options: { dryRun?: boolean | undefined } = {},
  ): Promise<NamedStore[]> {
    const opened: NamedStore[] = [];
    for (const name of names) {
      const target = await this.target(name, options);
      if (!opened.some((other) => other.name === target.name)) opened.push(target);
    }
    return opened;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    if (this.#client !== undefined) (await this.#client).close();
  }

  async #open(location: Location, create: boolean): Promise<NamedStore> {
    const { env, registry, onEvent } = this.#options;
    if (location.transport === 'docker') this.#client ??= createRegistryClient({ registry, env, onEvent });
    const opened = await openStore(location, { client: await this.#client, env, create });
    this.#closers.push(opened.close);
    const key = placeOf(location);
    const store = this.#stores.get(key) ?? opened.store;
    this.#stores.set(key, store);
    return { name: nameOf(location), location, store, reference: opened.reference };
  }
}

function refuseDigest(text: string, digest: string | undefined): void {
  if (digest === undefined) return;
  throw failure('USAGE', 'write', text, 'an index is given a name, its digest follows from its content', {
    hint: 'leave @sha256:… away; --expect-digest says what the name points at now',
  });
}

function placeOf(location: Location): string {
  switch (location.transport) {
    case 'docker':
      return `docker ${location.reference.registry}/${location.reference.repository}`;
    case 'local':
      return 'local';
    case 'oci':
      return `oci ${location.path}`;
    default:
      return formatLocation(location);
  }
}

function nameOf(location: Location): string {
  if (location.transport !== 'docker') return formatLocation(location);
  return formatLocation({ ...location, reference: withDefaultTag(location.reference) });
}
