import { parseDocument } from '../../content/document.ts';
import { referrerOf } from '../../content/referrer-descriptor.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { type FetchedManifest, getManifest, putManifest, resolveManifest } from './manifest-requests.ts';
import { updateFallback } from './referrers.ts';
import type { RepositorySession } from './repository-session.ts';

/** Manifests whose bytes are kept: what was just pushed or read is tagged or read next. */
const keptManifests = 64;

/** Manifests and indexes of one repository; keeps the last ones' bytes, and asks once however many want the same. */
export class RepositoryManifests {
  readonly #session: RepositorySession;
  readonly #kept = new Map<Digest, Buffer>();
  readonly #reads = new Map<Digest, Promise<FetchedManifest>>();
  /** One at a time, so that writers of this process do not overwrite each other's fallback indexes. */
  readonly #fallbacks = new Pool(1);

  constructor(session: RepositorySession) {
    this.#session = session;
  }

  async resolve(identifier: string, options: IoOptions): Promise<Descriptor> {
    const found = await resolveManifest(this.#session, identifier, options);
    return 'bytes' in found ? this.#keep(found).descriptor : found;
  }

  async get(identifier: string, options: IoOptions): Promise<FetchedManifest> {
    return this.#keep(await getManifest(this.#session, identifier, options));
  }

  async bytes(descriptor: Descriptor, options: IoOptions): Promise<Buffer> {
    this.checkSize(descriptor);
    const { digest } = descriptor;
    const kept = this.#kept.get(digest);
    if (kept) return kept;
    // The failure of another's request is told to that other; this one then asks for itself.
    for (let other = this.#reads.get(digest); other; other = this.#reads.get(digest)) {
      const found = await other.catch(() => undefined);
      if (found !== undefined) return found.bytes;
    }
    const read = this.get(digest, options);
    this.#reads.set(digest, read);
    try {
      return (await read).bytes;
    } finally {
      this.#reads.delete(digest);
    }
  }

  /** `identifier` is a tag or the digest. What names a subject is put into the fallback index where the registry keeps no list of its own. */
  async put(descriptor: Descriptor, bytes: Buffer, identifier: string, options: IoOptions): Promise<void> {
    const { listed } = await putManifest(this.#session, descriptor, bytes, identifier, options);
    this.#keep({ descriptor, bytes });
    const referrer = listed ? undefined : referrerIn(bytes, descriptor);
    if (referrer) await this.#updateFallback(referrer.subject, { add: referrer.descriptor }, options);
  }

  async delete(descriptor: Descriptor, options: IoOptions): Promise<void> {
    const bytes = await this.bytes(descriptor, options);
    await this.#session.delete(`manifests/${descriptor.digest}`, `@${descriptor.digest}`, options);
    this.#kept.delete(descriptor.digest);
    const referrer = referrerIn(bytes, descriptor);
    if (referrer) await this.#updateFallback(referrer.subject, { remove: descriptor.digest }, options);
  }

  checkSize(descriptor: Descriptor): void {
    if (descriptor.size <= maxMetadataBytes) return;
    const what = `${descriptor.size} bytes, more than the ${maxMetadataBytes} of a manifest`;
    throw failure('LIMIT', 'transfer manifest', `${this.#session.name}@${descriptor.digest}`, what);
  }

  #keep(found: FetchedManifest): FetchedManifest {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= keptManifests && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(found.descriptor.digest, found.bytes);
    return found;
  }

  async #updateFallback(
    subject: Digest,
    change: { add: Descriptor } | { remove: Digest },
    options: IoOptions,
  ): Promise<void> {
    await this.#fallbacks.run(async () => await updateFallback(this.#session, subject, change, options));
  }
}

function referrerIn(bytes: Buffer, descriptor: Descriptor): ReturnType<typeof referrerOf> {
  if (!bytes.includes('"subject"')) return undefined;
  return referrerOf(parseDocument(bytes, descriptor.digest), descriptor);
}
