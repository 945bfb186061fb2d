import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { throwIfAborted } from '../../lib/errors.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { TreeIndex } from '../snapshot/tree-index.ts';
import type { LayerDirectories } from './layer-directories.ts';
import type { LayerFormat } from './layer-jobs.ts';
import type { LayerWorkers } from './layer-workers.ts';
import type { Tree } from './protocol.ts';
import { isSmallTree } from './small-tree.ts';
import type { MountedTree, UpperResult, Workspace } from './workspace.ts';

export interface CopyWorkspaceOptions {
  /** The keeper's own directory. */
  readonly directory: string;
  readonly snapshots: SnapshotDirectory;
  readonly layers: LayerDirectories;
  readonly workers: LayerWorkers;
  readonly format: LayerFormat;
  readonly remove: (name: string) => Promise<void>;
  /** Gives `use` the place where programs find a tree: where there are mounts, one without devices. */
  readonly enter: EnterTree;
}

export type EnterTree = <T>(tree: MountedTree, use: (root: string) => Promise<T>) => Promise<T>;

/** A whole root file system, made of `layers`. */
interface Copy {
  readonly id: string;
  /** Ids of the layers' directories, bottom first. */
  readonly layers: readonly string[];
  readonly index: TreeIndex;
}

/** Copies that wait for a step that goes on with them. More branches than this begin anew. */
const maxSpares = 3;
/** Copied before a thread has started. */
const smallCopy = { entries: 1500, bytes: 16 * 1024 * 1024 };
/** The clock that files' times are taken from moves in steps of up to 10 ms: what is scanned must be older than what is changed. */
const clockMilliseconds = 12;

/**
 * Trees without mounts. A step changes a copy of its layers; what it changed is found by a scan and copied to a directory of its own, so that the copy
 * can go on as the next step's: of a chain of steps the first alone pays for the copy.
 */
export class CopyWorkspace implements Workspace {
  readonly #options: CopyWorkspaceOptions;
  readonly #spares: Copy[] = [];
  readonly #views = new Map<string, Promise<string>>();
  #next = 1;

  constructor(options: CopyWorkspaceOptions) {
    this.#options = options;
    mkdirSync(join(options.directory, 'mounts'), { recursive: true });
  }

  async withView<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T> {
    const { layers, snapshots } = this.#options;
    const ids = await layers.of(tree, signal);
    const key = ids.join(' ');
    let view = this.#views.get(key);
    if (view === undefined) {
      // Made for all who want it: it ends with the keeper alone.
      view = this.#merge(ids, [], 'link', undefined);
      this.#views.set(key, view);
      view.catch(() => this.#views.delete(key));
    }
    const root = snapshots.absolute(await view);
    throwIfAborted(signal);
    return await this.#withScratch((scratch) => use({ root, scratch }));
  }

  /** A copy: a file that has names in a layer could be written through them. */
  async withShown<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T> {
    const { layers, snapshots, remove } = this.#options;
    const ids = await layers.of(tree, signal);
    const id = await this.#merge(ids, [], 'copy', undefined, signal);
    try {
      return await this.#withScratch((scratch) => use({ root: snapshots.absolute(id), scratch }));
    } finally {
      await remove(snapshots.discard(id));
    }
  }

  async withUpper<T>(
    tree: Tree,
    signal: AbortSignal,
    use: (mounted: MountedTree) => Promise<UpperResult<T>>,
  ): Promise<{ readonly value: T; readonly id?: string }> {
    const { layers, snapshots, remove, enter } = this.#options;
    const ids = await layers.of(tree, signal);
    const copy = await this.#take(ids, signal);
    const root = snapshots.absolute(copy.id);
    try {
      await setTimeout(clockMilliseconds);
      const { value, keep } = await this.#withScratch((scratch) =>
        enter({ root, scratch }, (entered) => use({ root: entered, scratch })),
      );
      if (!keep) {
        await remove(snapshots.discard(copy.id));
        return { value };
      }
      const { id, index } = await this.#collect(copy, ids, signal);
      await this.#spare({ id: copy.id, layers: [...ids, id], index });
      return { value, id };
    } catch (error) {
      await remove(snapshots.discard(copy.id));
      throw error;
    }
  }

  async #collect(copy: Copy, ids: readonly string[], signal: AbortSignal) {
    const { snapshots, workers, format, remove } = this.#options;
    const { id } = snapshots.create();
    try {
      const lowers = ids.map((lower) => snapshots.absolute(lower));
      const options = { before: copy.index, lowers, ...format };
      const [tree, upper] = [snapshots.absolute(copy.id), snapshots.absolute(id)];
      const inline = isSmallTree(tree, smallCopy);
      const index = await workers.run({ kind: 'collect', tree, upper, options }, signal, { inline });
      await remove(`${id}/work`);
      return { id, index };
    } catch (error) {
      await remove(snapshots.discard(id));
      throw error;
    }
  }

  /** A copy of the layers that nobody else has: the spare one that is nearest, with what it lacks, else a new one. */
  async #take(ids: readonly string[], signal: AbortSignal): Promise<Copy> {
    const { snapshots, workers } = this.#options;
    const [best] = this.#spares
      .filter(({ layers }) => layers.every((id, position) => id === ids[position]))
      .sort((a, b) => b.layers.length - a.layers.length);
    if (best !== undefined) {
      this.#spares.splice(this.#spares.indexOf(best), 1);
      if (best.layers.length === ids.length) return best;
    }
    const id = await this.#merge(ids, best?.layers ?? [], 'copy', best?.id, signal);
    const index = await workers.run({ kind: 'index', tree: snapshots.absolute(id) }, signal, {
      inline: false,
    });
    return { id, layers: ids, index };
  }

  /** Returns the tree's id: `onto`, which holds `there` already, or a new one. */
  async #merge(
    ids: readonly string[],
    there: readonly string[],
    files: 'link' | 'copy',
    onto: string | undefined,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<string> {
    const { snapshots, workers, format, remove } = this.#options;
    const id = onto ?? snapshots.create().id;
    try {
      const layers = ids.slice(there.length).map((layer) => ({
        directory: snapshots.absolute(layer),
        impliedRoot: snapshots.has(layer, 'impliedRoot'),
      }));
      const target = snapshots.absolute(id);
      const inline = ids.slice(there.length).every((layer) => this.#isSmall(layer));
      await workers.run({ kind: 'merge', layers, target, options: { files, ...format } }, signal, { inline });
      return id;
    } catch (error) {
      await remove(snapshots.discard(id));
      throw error;
    }
  }

  #isSmall(layer: string): boolean {
    return isSmallTree(this.#options.snapshots.absolute(layer), smallCopy);
  }

  async #spare(copy: Copy): Promise<void> {
    const { snapshots, remove } = this.#options;
    this.#spares.push(copy);
    const oldest = this.#spares.length > maxSpares ? this.#spares.shift() : undefined;
    if (oldest !== undefined) await remove(snapshots.discard(oldest.id));
  }

  async #withScratch<T>(use: (scratch: string) => Promise<T>): Promise<T> {
    const scratch = join(this.#options.directory, 'mounts', String(this.#next++));
    mkdirSync(scratch);
    try {
      return await use(scratch);
    } finally {
      // Never through a mount that could not be taken away: a bind leads to what is not ours.
      removeTree(scratch);
    }
  }
}
