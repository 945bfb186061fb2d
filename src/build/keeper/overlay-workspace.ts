import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../../lib/errors.ts';
import type { OverlayLayers } from '../snapshot/overlay-mount.ts';
import type { OverlayMounter } from '../snapshot/overlay-mounter.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { LayerDirectories } from './layer-directories.ts';
import type { LayerFormat } from './layer-jobs.ts';
import type { LayerWorkers } from './layer-workers.ts';
import type { Tree } from './protocol.ts';
import { ShortChains } from './short-chains.ts';
import type { MountedTree, UpperResult, Workspace } from './workspace.ts';

export interface OverlayWorkspaceOptions {
  /** The keeper's own directory. */
  readonly directory: string;
  readonly snapshots: SnapshotDirectory;
  readonly layers: LayerDirectories;
  readonly mounter: OverlayMounter;
  readonly setTimes: (path: string, seconds: number, nanoseconds: number) => void;
  readonly remove: (name: string) => Promise<void>;
  readonly workers: LayerWorkers;
  readonly format: LayerFormat;
}

/** As long as a snapshot's and its work directory's ever get. */
const longestName = '00000000-zzzzzz/work';
const second = 1_000_000_000n;

/** Mounts trees: to read them, or with an upper directory that takes what is changed. The working directory is the snapshots'. */
export class OverlayWorkspace implements Workspace {
  readonly options: OverlayWorkspaceOptions;
  readonly #chains: ShortChains;
  #next = 1;

  constructor(options: OverlayWorkspaceOptions) {
    this.options = options;
    const { mounter } = options;
    this.#chains = new ShortChains({
      // With an upper directory of the longest name.
      fits: (lowers) => mounter.fits({ lowers, upper: { directory: longestName, work: longestName } }),
      merge: (ids) => this.#merge(ids),
    });
    mkdirSync(join(options.directory, 'mounts'), { recursive: true });
  }

  /** Read-only for the kernel too, by the lack of an upper directory. */
  async withView<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T> {
    const ids = await this.#visible(tree, signal);
    // Without an upper directory overlayfs wants two lower ones.
    const chain = await this.#chains.of(ids);
    const lowers = [SnapshotDirectory.empty, SnapshotDirectory.empty2, ...chain.map(SnapshotDirectory.files)];
    return await this.#mounted({ lowers }, signal, use);
  }

  /** Without an upper directory the kernel lets nobody write. */
  withShown<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T> {
    return this.withView(tree, signal, use);
  }

  async withUpper<T>(
    tree: Tree,
    signal: AbortSignal,
    use: (mounted: MountedTree) => Promise<UpperResult<T>>,
  ): Promise<{ readonly value: T; readonly id?: string }> {
    const { snapshots, remove } = this.options;
    const ids = await this.#visible(tree, signal);
    const { id } = snapshots.create();
    try {
      this.#copyRoot(ids, id);
      const chain = await this.#chains.of(ids);
      const lowers = chain.length > 0 ? chain.map(SnapshotDirectory.files) : [SnapshotDirectory.empty];
      const upper = { directory: SnapshotDirectory.files(id), work: SnapshotDirectory.work(id) };
      const { value, keep } = await this.#mounted({ lowers, upper }, signal, use);
      await remove(SnapshotDirectory.work(id));
      if (keep) return { value, id };
      await remove(snapshots.discard(id));
      return { value };
    } catch (error) {
      await remove(snapshots.discard(id));
      throw error;
    }
  }

  /** The layers' directories, bottom first, from the topmost one on that hides all below it. */
  async #visible(tree: Tree, signal: AbortSignal): Promise<string[]> {
    const { layers, snapshots } = this.options;
    const ids = await layers.of(tree, signal);
    const opaque = ids.findLastIndex((id) => snapshots.has(id, 'opaqueRoot'));
    return ids.slice(Math.max(0, opaque));
  }

  /** Hard links do: nobody writes to a lower directory. */
  async #merge(ids: readonly string[]): Promise<string> {
    const { snapshots, workers, format, remove } = this.options;
    const { id } = snapshots.create();
    try {
      const layers = ids.map((layer) => ({
        directory: snapshots.absolute(layer),
        impliedRoot: snapshots.has(layer, 'impliedRoot'),
      }));
      const options = { files: 'link', ...format } as const;
      const job = { kind: 'merge', layers, target: snapshots.absolute(id), options } as const;
      // Made for all who want it: it ends with the keeper alone.
      const { signal } = new AbortController();
      await workers.run(job, signal, { inline: false });
      return id;
    } catch (error) {
      await remove(snapshots.discard(id));
      throw error;
    }
  }

  async #mounted<T>(
    layers: OverlayLayers,
    signal: AbortSignal,
    use: (mounted: MountedTree) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    const { mounter, directory } = this.options;
    const scratch = join(directory, 'mounts', String(this.#next++));
    const root = join(scratch, 'rootfs');
    mkdirSync(root, { recursive: true });
    try {
      const unmount = await mounter.mount(root, layers);
      try {
        return await use({ root, scratch });
      } finally {
        await unmount();
      }
    } finally {
      // Never through a mount that could not be taken away: a bind leads to what is not ours.
      removeTree(scratch);
    }
  }

  /** overlayfs shows the attributes of the topmost root: the upper one starts with those of the layer that last spoke of it. */
  #copyRoot(ids: readonly string[], upper: string): void {
    const { snapshots, setTimes } = this.options;
    const target = snapshots.absolute(upper);
    const source = ids.findLast((id) => !snapshots.has(id, 'impliedRoot'));
    if (source === undefined) {
      chmodSync(target, 0o755);
      return;
    }
    const stats = statSync(snapshots.absolute(source), { bigint: true });
    chownSync(target, Number(stats.uid), Number(stats.gid));
    chmodSync(target, Number(stats.mode & 0o7777n));
    setTimes(target, Number(stats.mtimeNs / second), Number(stats.mtimeNs % second));
  }
}
