import { Readable } from 'node:stream';
import { isDocumentType } from '../../../content/document.ts';
import type {
  AlternativeResolver,
  Content,
  Deleter,
  DocumentResolver,
  IoOptions,
  Mounter,
  NamedPusher,
  RangeReader,
  ReferrerLister,
  ResolvedDocument,
  SizeLookup,
  Store,
  TagLister,
  Untagger,
} from '../../../content/store.ts';
import { verified } from '../../../content/verify.ts';
import { type Digest, isDigest } from '../../../lib/digest.ts';
import { isFailure, reasonOf } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { OnRegistryEvent } from '../events.ts';
import type { RateLimit } from '../rate-limit.ts';
import type { RegistryStore } from '../registry-store.ts';
import type { PullFromMirror } from './registries-conf.ts';

export interface MirroredStoreOptions {
  /** Asked in this order, before `primary`. */
  readonly mirrors: readonly { readonly store: RegistryStore; readonly pull: PullFromMirror }[];
  readonly primary: RegistryStore;
  /** What is written, and looked at before it is written. */
  readonly target: RegistryStore;
  readonly onEvent?: OnRegistryEvent | undefined;
}

interface Source {
  readonly store: RegistryStore;
  readonly pull: PullFromMirror;
  /** It could not be reached: it is asked no more. */
  down: boolean;
  /** It gave what a reference stands for: its content is asked for there too. */
  resolved: boolean;
}

/**
 * A repository that is read through mirrors and written to where its name says. What a mirror fails to give comes from the next, in the middle
 * of a blob too; each mirror's failure is told once.
 */
export class MirroredStore
  implements
    Store,
    AlternativeResolver,
    DocumentResolver,
    Mounter,
    NamedPusher,
    RangeReader,
    TagLister,
    ReferrerLister,
    SizeLookup,
    Deleter,
    Untagger
{
  readonly registry: string;
  readonly repository: string;
  readonly #sources: readonly Source[];
  readonly #primary: Source;
  readonly #target: RegistryStore;
  readonly #onEvent: OnRegistryEvent | undefined;
  readonly #told = new Set<string>();
  /** Where a root came from, and by which reference. */
  readonly #origins = new Map<Digest, { position: number; reference: string }>();

  constructor(options: MirroredStoreOptions) {
    const { mirrors, primary, target, onEvent } = options;
    this.registry = target.registry;
    this.repository = target.repository;
    this.#primary = { store: primary, pull: 'all', down: false, resolved: false };
    this.#sources = [
      ...mirrors.map((mirror) => ({ ...mirror, down: false, resolved: false })),
      this.#primary,
    ];
    this.#target = target;
    this.#onEvent = onEvent;
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    return await this.#resolveFrom(0, reference, async (store) => {
      const descriptor = await store.resolve(reference, options);
      return { descriptor, result: descriptor };
    });
  }

  async resolveDocument(reference: string, options: IoOptions = {}): Promise<ResolvedDocument> {
    return await this.#resolveFrom(0, reference, async (store) => {
      const result = await store.resolveDocument(reference, options);
      return { descriptor: result.descriptor, result };
    });
  }

  async resolveElsewhere(
    descriptor: Descriptor,
    reason: string,
    options: IoOptions = {},
  ): Promise<Descriptor | undefined> {
    const origin = this.#origins.get(descriptor.digest);
    const source = origin && this.#sources[origin.position];
    if (!origin || !source || isDigest(origin.reference) || source === this.#primary) return undefined;
    this.#tell(source, reason);
    const other = await this.#resolveFrom(origin.position + 1, origin.reference, async (store) => {
      const found = await store.resolve(origin.reference, options);
      return { descriptor: found, result: found };
    });
    return other.digest === descriptor.digest ? await this.resolveElsewhere(other, reason, options) : other;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    if (isDocumentType(descriptor.mediaType)) {
      return await this.#first(this.#contentSources(), (store) => store.fetch(descriptor, options));
    }
    const sources = this.#contentSources();
    const [only] = sources;
    if (sources.length === 1 && only) return await only.store.fetch(descriptor, options);
    const first = await this.#open(sources, descriptor, 0, options);
    const chunks = this.#chunks(sources, first, descriptor, options);
    return verified(
      Readable.from(chunks, { objectMode: false, highWaterMark: 256 * 1024 }),
      descriptor,
      options,
    );
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await this.#first(this.#contentSources(), (store) =>
      store.fetchRange(descriptor, offset, length, options),
    );
  }

  async *listTags(options: IoOptions = {}): AsyncIterable<string> {
    yield* await this.#firstList((store) => collected(store.listTags(options)));
  }

  async *listReferrers(digest: Digest, options: IoOptions = {}): AsyncIterable<Descriptor> {
    yield* await this.#firstList((store) => collected(store.listReferrers(digest, options)));
  }

  async sizeOf(digest: Digest, options: IoOptions = {}): Promise<number | undefined> {
    return await this.#first(this.#contentSources(), (store) => store.sizeOf(digest, options));
  }

  async rateLimit(reference: string, options: IoOptions = {}): Promise<RateLimit | undefined> {
    return await this.#primary.store.rateLimit(reference, options);
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    return await this.#target.exists(descriptor, options);
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    await this.#target.push(descriptor, content, options);
  }

  async pushNamed(document: ResolvedDocument, reference: string, options: IoOptions = {}): Promise<void> {
    await this.#target.pushNamed(document, reference, options);
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    await this.#target.tag(descriptor, reference, options);
  }

  async mount(descriptor: Descriptor, fromRepository: string, options: IoOptions = {}): Promise<boolean> {
    return await this.#target.mount(descriptor, fromRepository, options);
  }

  async delete(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    await this.#target.delete(descriptor, options);
  }

  async untag(reference: string, options: IoOptions = {}): Promise<void> {
    await this.#target.untag(reference, options);
  }

  /** What a reference stands for at the first source from `start` on that has it, and where that was. */
  async #resolveFrom<T>(
    start: number,
    reference: string,
    ask: (store: RegistryStore) => Promise<{ descriptor: Descriptor; result: T }>,
  ): Promise<T> {
    const unwanted: PullFromMirror = isDigest(reference) ? 'tag-only' : 'digest-only';
    const sources = this.#sources.slice(start).filter(({ down, pull }) => !down && pull !== unwanted);
    return await this.#first(sources, async (store, source) => {
      const { descriptor, result } = await ask(store);
      source.resolved = true;
      this.#origins.set(descriptor.digest, { position: this.#sources.indexOf(source), reference });
      return result;
    });
  }

  /** Content is asked for by digest: a mirror for tags has it only of what it resolved. */
  #contentSources(): Source[] {
    return this.#sources.filter(({ down, pull, resolved }) => !down && (pull !== 'tag-only' || resolved));
  }

  /** The last source's failure is the caller's; those before it are told. */
  async #first<T>(
    sources: readonly Source[],
    ask: (store: RegistryStore, source: Source) => Promise<T>,
  ): Promise<T> {
    for (const source of sources.slice(0, -1)) {
      try {
        return await ask(source.store, source);
      } catch (error) {
        this.#fellBack(source, error);
      }
    }
    const last = sources.at(-1) ?? this.#primary;
    return await ask(last.store, last);
  }

  /** Lists are whole only where the repository itself is: mirrors are asked when that cannot be reached. */
  async #firstList<T>(list: (store: RegistryStore) => Promise<T>): Promise<T> {
    try {
      return await list(this.#primary.store);
    } catch (error) {
      const mirrors = this.#sources.filter((source) => source !== this.#primary && !source.down);
      if (!isFailure(error, 'NETWORK') || mirrors.length === 0) throw error;
      this.#tell(this.#primary, reasonOf(error));
      return await this.#first(mirrors, list);
    }
  }

  async #open(
    sources: Source[],
    descriptor: Descriptor,
    from: number,
    options: IoOptions,
  ): Promise<Readable> {
    return await this.#first([...sources], async (store, source) => {
      const opened = await store.openBlob(descriptor, { ...options, from });
      // What comes before it has failed: the stream goes on from here.
      sources.splice(0, sources.indexOf(source));
      return opened;
    });
  }

  async *#chunks(
    sources: Source[],
    first: Readable,
    descriptor: Descriptor,
    options: IoOptions,
  ): AsyncGenerator<Buffer, void, undefined> {
    let stream = first;
    let offset = 0;
    for (;;) {
      try {
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          offset += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        const broken = sources.length > 1 ? sources.shift() : undefined;
        if (broken === undefined) throw error;
        this.#fellBack(broken, error);
      } finally {
        stream.destroy();
      }
      stream = await this.#open(sources, descriptor, offset, options);
    }
  }

  /** Throws what is no fault of the source. */
  #fellBack(source: Source, error: unknown): void {
    if (!isFailure(error) || error.code === 'INTERRUPTED' || error.code === 'USAGE') throw error;
    if (error.code === 'NETWORK' || error.code === 'UNAUTHORIZED') source.down = true;
    this.#tell(source, reasonOf(error));
  }

  #tell({ store, down }: Source, reason: string): void {
    const place = `${store.registry}/${store.repository}`;
    const key = `${place} ${down}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#onEvent?.({ type: 'registry-warning', registry: place, message: `going on without it: ${reason}` });
  }
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
