import { contentFrom, contentFromBytes } from '../content/content.ts';
import { childrenOf, isDocumentType, parseDocument } from '../content/document.ts';
import { readBytes } from '../content/read-manifest.ts';
import { maxIndexDepth } from '../content/select-manifest.ts';
import { canMount, type IoOptions, isFileBacked, type Store } from '../content/store.ts';
import type { Digest } from '../lib/digest.ts';
import { abortReason, failure } from '../lib/errors.ts';
import type { KeyedTurns } from '../lib/keyed-turns.ts';
import { Pool } from '../lib/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** How many contents one graph may have. A manifest of 8 MiB could name 40,000 layers. */
const maxGraphContents = 10_000;

/** `exists`: the target had it. `mounted`: taken over from another repository. `foreign`: its licence keeps it where its URLs say. */
export type CopyState = 'exists' | 'mounted' | 'copied' | 'foreign';

/** One content is at the target. What is below a manifest that was there, and was there too, gives no event. */
export interface CopyEvent {
  readonly type: 'blob';
  readonly state: CopyState;
  readonly descriptor: Descriptor;
}

export interface CopyGraphOptions extends IoOptions {
  /** Contents that are looked up, mounted or copied at once. Default 6: what browsers and Docker do to one host. */
  readonly concurrency?: number | undefined;
  /** Points here when all is there. */
  readonly tag?: string | undefined;
  /**
   * Repositories of the target's registry that a blob may be mounted from, best first; before the source's own, which is tried by itself
   * when source and target are repositories of one registry.
   */
  readonly mountFrom?: ((descriptor: Descriptor) => readonly string[]) | undefined;
  /** Contents that stay behind though an index names them. Default: none. */
  readonly left?: ReadonlySet<Digest> | undefined;
  /** Copies of other graphs to the same registry that run beside this one: a blob that both need moves once. Default: none do. */
  readonly turns?: KeyedTurns | undefined;
  /** Look at the target only: what would be copied is told, and is not. Default false. */
  readonly dryRun?: boolean | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/**
 * Copies what `root` stands for from one store to another: children before their parents, each content once, none that the target has. A registry
 * that has the root has all of it; in a directory what is below is looked for. Bytes are asked of the source only when they must move. When one content fails the others are
 * stopped, and the failure is thrown after they ended.
 */
export async function copyGraph(
  source: Store,
  target: Store,
  root: Descriptor,
  options: CopyGraphOptions = {},
): Promise<void> {
  await copyGraphs(source, target, [root], options);
  if (options.tag !== undefined) await target.tag(root, options.tag, { signal: options.signal });
}

/** The same for several roots at once: what they share is copied once. Nothing is tagged. */
export async function copyGraphs(
  source: Store,
  target: Store,
  roots: readonly Descriptor[],
  options: Omit<CopyGraphOptions, 'tag'> = {},
): Promise<void> {
  await beginCopy(source, target, options).finish(roots);
}

/** A copy that begins with contents whose roots are still being made. */
export interface BegunCopy {
  /** Copies a content that a root will need. Its failure is `finish`'s. */
  ahead(content: Descriptor): void;
  /** Copies the rest of what the roots stand for. */
  finish(roots: readonly Descriptor[]): Promise<void>;
  /** Instead of `finish`: stops what is under way. */
  abandon(reason: unknown): Promise<void>;
}

export function beginCopy(
  source: Store,
  target: Store,
  options: Omit<CopyGraphOptions, 'tag'> = {},
): BegunCopy {
  return new GraphCopy(source, target, options);
}

class GraphCopy implements BegunCopy {
  readonly #source: Store;
  readonly #target: Store;
  readonly #options: CopyGraphOptions;
  readonly #pool: Pool;
  readonly #visits = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #abort = (): void => {
    const { signal } = this.#options;
    this.#stop.abort(signal && abortReason(signal));
  };

  constructor(source: Store, target: Store, options: CopyGraphOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#pool = new Pool(options.concurrency ?? 6);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  ahead(content: Descriptor): void {
    if (!this.#stop.signal.aborted) this.#visit(content, 0).catch(() => {});
  }

  async abandon(reason: unknown): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#stop.abort(reason);
    await Promise.allSettled(this.#visits.values());
  }

  async finish(roots: readonly Descriptor[]): Promise<void> {
    const { signal } = this.#options;
    try {
      if (signal?.aborted) throw abortReason(signal);
      await Promise.all(roots.map((root) => this.#visit(root, 0)));
      signal?.removeEventListener('abort', this.#abort);
    } catch (error) {
      // Whoever is told of the failure may delete the source: nothing of ours may still read it.
      await this.abandon(error);
      throw error;
    }
  }

  get #io(): IoOptions {
    return { signal: this.#stop.signal };
  }

  /** `quiet`: whoever named it was there, so that it is expected to be. */
  #visit(descriptor: Descriptor, depth: number, quiet = false): Promise<void> {
    const known = this.#visits.get(descriptor.digest);
    if (known !== undefined) return known;
    if (this.#visits.size >= maxGraphContents) {
      return Promise.reject(
        failure('LIMIT', 'copy', descriptor.digest, `more than ${maxGraphContents} contents`),
      );
    }
    const visit = isDocumentType(descriptor.mediaType)
      ? this.#document(descriptor, depth, quiet)
      : this.#blob(descriptor, quiet);
    this.#visits.set(descriptor.digest, visit);
    return visit;
  }

  /** The pool is held for each exchange, never while children are waited for: they need it too. */
  async #document(descriptor: Descriptor, depth: number, quiet: boolean): Promise<void> {
    if (depth > maxIndexDepth + 1) {
      throw failure('LIMIT', 'copy', descriptor.digest, `nested more than ${maxIndexDepth} deep`);
    }
    const isThere = await this.#pool.run(() => this.#target.exists(descriptor, this.#io));
    if (isThere && !quiet) this.#tell('exists', descriptor);
    // A registry has all that its manifests name. A directory may not: a build leaves manifests there whose base went from registry to registry.
    if (isThere && !isFileBacked(this.#target)) return;
    const from = isThere ? this.#target : this.#source;
    const bytes = await this.#pool.run(() => readBytes(from, descriptor, this.#io));
    const { left } = this.#options;
    const children = childrenOf(parseDocument(bytes, descriptor.digest)).filter(
      ({ digest }) => !left?.has(digest),
    );
    await Promise.all(children.map((child) => this.#visit(child, depth + 1, isThere)));
    if (isThere) return;
    if (!this.#options.dryRun) {
      await this.#pool.run(() => this.#target.push(descriptor, contentFromBytes(bytes), this.#io));
    }
    this.#tell('copied', descriptor);
  }

  async #blob(descriptor: Descriptor, quiet: boolean): Promise<void> {
    if (isForeign(descriptor)) {
      if (!quiet) this.#tell('foreign', descriptor);
      return;
    }
    const { turns } = this.#options;
    const take = (): Promise<void> => this.#pool.run(() => this.#takeBlob(descriptor, quiet));
    await (turns === undefined ? take() : turns.run(descriptor.digest, take));
  }

  async #takeBlob(descriptor: Descriptor, quiet: boolean): Promise<void> {
    if (this.#stop.signal.aborted) throw abortReason(this.#stop.signal);
    if (await this.#target.exists(descriptor, this.#io)) {
      if (!quiet) this.#tell('exists', descriptor);
    } else if (this.#options.dryRun) {
      this.#tell('copied', descriptor);
    } else if (await this.#mount(descriptor)) {
      this.#tell('mounted', descriptor);
    } else {
      await this.#target.push(descriptor, contentFrom(this.#source, descriptor), this.#io);
      this.#tell('copied', descriptor);
    }
  }

  async #mount(descriptor: Descriptor): Promise<boolean> {
    const [source, target] = [this.#source, this.#target];
    if (!canMount(target)) return false;
    const own = canMount(source) && source.registry === target.registry ? [source.repository] : [];
    const candidates = new Set([...(this.#options.mountFrom?.(descriptor) ?? []), ...own]);
    candidates.delete(target.repository);
    for (const repository of candidates) {
      if (await target.mount(descriptor, repository, this.#io)) return true;
    }
    return false;
  }

  #tell(state: CopyState, descriptor: Descriptor): void {
    this.#options.onEvent?.({ type: 'blob', state, descriptor });
  }
}

/** Windows base layers: registries do not have them, their URLs do (OCI image-spec, layer.md, "Non-Distributable Layers"). */
function isForeign(descriptor: Descriptor): boolean {
  const kind = /nondistributable|\.foreign\./.test(descriptor.mediaType);
  return kind && descriptor.urls !== undefined && descriptor.urls.length > 0;
}
