import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type Digest, finishDigest, hexOf } from '../../lib/digest.ts';
import { failure, throwIfAborted } from '../../lib/errors.ts';
import { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { CopiedLayers } from './copied-layers.ts';
import type { ExtractInput } from './extract-blob.ts';
import type { ExtractedFacts } from './layer-jobs.ts';
import type { KeeperEvent, LayerBlob, LayerRef, Tree } from './protocol.ts';

export interface LayerDirectoriesOptions {
  readonly snapshots: SnapshotDirectory;
  /** CONTENT_INVALID unless the blob's bytes match its diffId. */
  readonly extract: (input: ExtractInput) => Promise<ExtractedFacts>;
  /** A cheaper way to the same directory, tried first: undefined where there is none. */
  readonly link?: CopiedLayers['link'];
  /** Devices cannot be made here: a layer that has some is kept apart from the one that root extracts. */
  readonly mayMakeDevices: boolean;
  /** Ends the keys of directories that are written in a way of their own. */
  readonly suffix: string;
  /** Deletes a directory of the snapshots, named by its last part. */
  readonly remove: (name: string) => Promise<void>;
  readonly onEvent: (event: KeeperEvent) => void;
}

/** One that is under way. */
interface Extraction {
  readonly diffId: Digest;
  /** The snapshot's id. */
  readonly result: Promise<string>;
  readonly controller: AbortController;
  users: number;
  /** It turned out to depend on the layers below: right for its own chain only. */
  usesLowers: boolean;
  readonly lowersNeeded: Promise<void>;
}

/** Where a layer lies in its tree. */
interface Place {
  readonly chain: Digest | undefined;
  readonly below: Tree;
  readonly lowers: () => Promise<string[]>;
}

/** From layers to directories: found, or extracted side by side, each once however many requests want it. */
export class LayerDirectories {
  readonly #options: LayerDirectoriesOptions;
  readonly #extracting = new Map<string, Extraction>();
  /** Snapshots of this keeper whose diffID is known, because they are packed. */
  readonly #diffIds = new Map<string, Digest>();

  constructor(options: LayerDirectoriesOptions) {
    this.#options = options;
  }

  /** Snapshot ids, bottom first. */
  async of(tree: Tree, signal: AbortSignal): Promise<string[]> {
    // Each layer waits for those below only if it needs them.
    const ids: Promise<string>[] = [];
    for (const [index, layer] of tree.entries()) {
      const below = ids.slice(0, index);
      ids.push(this.#directory(layer, tree.slice(0, index), () => Promise.all(below), signal));
    }
    const settled = await Promise.allSettled(ids);
    for (const result of settled) if (result.status === 'rejected') throw result.reason;
    return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  /** A RUN's directory, packed: other builds find it on top of the same layers. */
  publish(id: string, diffId: Digest, below: Tree): void {
    this.#diffIds.set(id, diffId);
    const chain = this.#chain([...below, { kind: 'snapshot', id }]);
    const { snapshots, suffix } = this.#options;
    if (chain !== undefined) snapshots.publish(id, `${chainKey(diffId, chain)}${suffix}`);
  }

  async #directory(
    layer: LayerRef,
    below: Tree,
    lowers: () => Promise<string[]>,
    signal: AbortSignal,
  ): Promise<string> {
    const { snapshots } = this.#options;
    if (layer.kind === 'snapshot') return snapshots.checked(layer.id);
    const chain = this.#chain([...below, layer]);
    for (const name of this.#keys(layer.diffId, chain)) {
      const found = snapshots.lookup(name);
      if (found !== undefined && (await this.#standsOn(found, lowers))) return found;
    }
    const key = `${layer.diffId} ${chain ?? below.map((ref) => (ref.kind === 'blob' ? ref.diffId : ref.id)).join(' ')}`;
    let shared = this.#extracting.get(key);
    if (shared?.controller.signal.aborted) {
      // Everybody else has left: it begins anew when the old directory is gone.
      await shared.result.catch(() => {});
      return await this.#directory(layer, below, lowers, signal);
    }
    if (shared === undefined) {
      const elsewhere = [...this.#extracting.values()].find(
        (other) => other.diffId === layer.diffId && !other.usesLowers,
      );
      if (elsewhere !== undefined) {
        // On top of other layers, which it seldom needs: then its directory is right here too.
        await Promise.race([elsewhere.result.catch(() => {}), elsewhere.lowersNeeded]);
        throwIfAborted(signal);
        return await this.#directory(layer, below, lowers, signal);
      }
      shared = this.#begin(layer, { chain, below, lowers }, () => this.#extracting.delete(key));
      this.#extracting.set(key, shared);
    }
    return await shareUntilAborted(shared, signal);
  }

  #begin(layer: LayerBlob, { lowers, ...place }: Place, over: () => void): Extraction {
    const controller = new AbortController();
    const needed = Promise.withResolvers<void>();
    const waitForLowers = async (): Promise<string[]> => {
      extraction.usesLowers = true;
      needed.resolve();
      return await lowers();
    };
    const extraction: Extraction = {
      diffId: layer.diffId,
      controller,
      users: 0,
      usesLowers: false,
      lowersNeeded: needed.promise,
      result: Promise.resolve()
        .then(() => this.#extract(layer, { ...place, lowers: waitForLowers }, controller.signal))
        .finally(over),
    };
    return extraction;
  }

  async #extract(blob: LayerBlob, { chain, below, lowers }: Place, signal: AbortSignal): Promise<string> {
    const { snapshots, remove, onEvent, suffix } = this.#options;
    const { id } = snapshots.create();
    const start = performance.now();
    onEvent({ type: 'extract-started', diffId: blob.diffId });
    try {
      const facts = await this.#fill(id, blob, { below, lowers, signal });
      snapshots.mark(id, facts);
      onEvent({ type: 'extract-finished', diffId: blob.diffId, milliseconds: performance.now() - start });
      const apart = facts.usesLowers || !(await this.#isFree(blob.diffId, lowers));
      if (apart && chain === undefined) return id;
      const key = apart && chain ? chainKey(blob.diffId, chain) : hexOf(blob.diffId);
      return snapshots.publish(id, `${key}${facts.skippedDevices ? withoutDevices : ''}${suffix}`);
    } catch (error) {
      await remove(snapshots.discard(id));
      throw error;
    }
  }

  async #fill(
    id: string,
    blob: LayerBlob,
    { below, lowers, signal }: Omit<Place, 'chain'> & { readonly signal: AbortSignal },
  ): Promise<ExtractedFacts> {
    const { snapshots, extract, link, remove } = this.#options;
    const directory = snapshots.absolute(id);
    const clear = (): Promise<void> => remove(SnapshotDirectory.files(id));
    const linked = await link?.(blob.diffId, directory, { below, signal });
    if (linked !== undefined) return linked;
    if (readdirSync(directory).length > 0) await clear();
    return await extract({
      blob,
      directory,
      signal,
      lowers: async () => (await lowers()).map((lower) => snapshots.absolute(lower)),
      clear,
    });
  }

  /** Nobody has the layer's name, or one that is as good here. */
  async #isFree(diffId: Digest, lowers: () => Promise<string[]>): Promise<boolean> {
    const { snapshots, suffix } = this.#options;
    const named = snapshots.lookup(`${hexOf(diffId)}${suffix}`);
    return named === undefined || (await this.#standsOn(named, lowers));
  }

  /** Not on what it has files in common with. */
  async #standsOn(id: string, lowers: () => Promise<string[]>): Promise<boolean> {
    const shares = this.#options.snapshots.shares(id);
    if (shares.length === 0) return true;
    const below = await lowers();
    return !shares.some((other) => below.includes(other));
  }

  #keys(diffId: Digest, chain: Digest | undefined): string[] {
    const keys = [hexOf(diffId), ...(chain === undefined ? [] : [chainKey(diffId, chain)])];
    const { mayMakeDevices, suffix } = this.#options;
    const all = mayMakeDevices ? keys : [...keys, ...keys.map((key) => `${key}${withoutDevices}`)];
    return all.map((key) => `${key}${suffix}`);
  }

  /** Like an image's chainID (OCI image-spec, config.md, "Layer ChainID"); undefined while a layer of it is not packed. */
  #chain(tree: Tree): Digest | undefined {
    const hash = createHash('sha256');
    for (const layer of tree) {
      const diffId = layer.kind === 'blob' ? layer.diffId : this.#diffIds.get(layer.id);
      if (diffId === undefined) return undefined;
      hash.update(`${diffId}\n`);
    }
    return finishDigest(hash);
  }
}

const withoutDevices = '.nodev';

function chainKey(diffId: Digest, chain: Digest): string {
  return `${hexOf(diffId)}@${hexOf(chain)}`;
}

/** Work that several requests wait for ends when the last of them is cancelled. */
async function shareUntilAborted<T>(
  shared: { readonly result: Promise<T>; readonly controller: AbortController; users: number },
  signal: AbortSignal,
): Promise<T> {
  shared.users++;
  const leave = (): void => {
    if (--shared.users === 0)
      shared.controller.abort(failure('INTERRUPTED', 'extract', 'layer', 'nobody waits for it'));
  };
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await shared.result;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
