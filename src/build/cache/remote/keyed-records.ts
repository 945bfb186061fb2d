import { contentFromBytes } from '../../../content/content.ts';
import { readBytes, readManifest } from '../../../content/read-manifest.ts';
import type { IoOptions, Store } from '../../../content/store.ts';
import { digestOf, hexOf } from '../../../lib/digest.ts';
import { isFailure } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import type { RecordSource } from '../record-source.ts';
import type { StepRecord } from '../step-record.ts';
import { shardManifest } from './cache-shard.ts';
import { decodeRecords, encodeRecords, recordsMediaType, type StampedEntry } from './records-document.ts';

export interface KeyedRecordsOptions {
  readonly origin?: RecordSource['origin'];
  /** Records that were written longer ago count as none, seconds. */
  readonly maxAge: number;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/** A repository with one tag a cache key, as kaniko's `--cache-repo` has it: each step stands for itself, nothing has to be merged. */
export class KeyedRecords implements RecordSource {
  readonly store: Store;
  readonly origin: RecordSource['origin'];
  readonly #options: KeyedRecordsOptions;

  constructor(store: Store, options: KeyedRecordsOptions) {
    this.store = store;
    this.origin = options.origin;
    this.#options = options;
  }

  async lookup(key: string, options: IoOptions): Promise<StepRecord | undefined> {
    try {
      const root = await this.store.resolve(tagOf(key), options);
      const { config } = await readManifest(this.store, root, options);
      if (config.mediaType !== recordsMediaType) return undefined;
      const [entry] = decodeRecords(await readBytes(this.store, config, options), tagOf(key));
      const fresh = entry !== undefined && this.#options.now() - entry.used <= this.#options.maxAge;
      return fresh && entry.keys.includes(key) ? entry.record : undefined;
    } catch (error) {
      if (isFailure(error, 'NOT_FOUND', 'CONTENT_INVALID')) return undefined;
      throw error;
    }
  }

  /** Records a step whose layer is in the store already, under each of its keys. */
  async record(entry: StampedEntry, options: IoOptions): Promise<void> {
    const bytes = encodeRecords([entry]);
    const config = await this.#push(recordsMediaType, bytes, options);
    const manifest = Buffer.from(JSON.stringify(shardManifest(config, [entry])));
    const root = await this.#push(mediaTypes.ociManifest, manifest, options);
    for (const key of entry.keys) await this.store.tag(root, tagOf(key), options);
  }

  async #push(mediaType: string, bytes: Buffer, options: IoOptions): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.store.push(descriptor, contentFromBytes(bytes), options);
    return descriptor;
  }
}

/** Keys are digests already, but of no promised form. */
function tagOf(key: string): string {
  return hexOf(digestOf(key));
}
