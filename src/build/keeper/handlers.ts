import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bytePathOf } from '../../archive/byte-path.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { BuildCgroup } from '../sandbox/cgroups/step-cgroup.ts';
import type { StandInCalls } from '../sandbox/chroot/stand-ins.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import { mayMakeDevices } from '../snapshot/device-privilege.ts';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import type { OverlayMounter } from '../snapshot/overlay-mounter.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import { fileType, type Syscalls } from '../snapshot/syscalls.ts';
import type { Handlers } from './connection.ts';
import { CopiedLayers } from './copied-layers.ts';
import { checksumSources, copyFromDirectory, copyFromTree, lookUpOwner } from './copy-from-tree.ts';
import { CopyWorkspace } from './copy-workspace.ts';
import { extractBlob } from './extract-blob.ts';
import { Housekeeping } from './housekeeping.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { LayerDirectories } from './layer-directories.ts';
import { formatSuffix, type LayerFormat } from './layer-jobs.ts';
import { LayerWorkers } from './layer-workers.ts';
import { makeSandboxes } from './make-sandboxes.ts';
import { CacheDirectories } from './mounts/cache-directories.ts';
import { withMemoryFile } from './mounts/memory-file.ts';
import { withSharedMemoryFile } from './mounts/shared-memory-file.ts';
import type { MemoryFile } from './mounts/with-mounts.ts';
import { OverlayWorkspace } from './overlay-workspace.ts';
import { PackedFiles } from './packed-files.ts';
import type { KeeperEvent, LayerBlob, Tree } from './protocol.ts';
import { runStep } from './run-step.ts';
import { isSmallTree } from './small-tree.ts';
import { withBoundTree } from './with-bound-tree.ts';

export interface HandlersOptions {
  readonly config: KeeperConfig;
  /** The keeper's own directory. */
  readonly directory: string;
  readonly snapshots: SnapshotDirectory;
  readonly calls: MountCalls;
  readonly syscalls: Syscalls;
  /** Absent: trees are copies. */
  readonly mounter: OverlayMounter | undefined;
  /** Path of a seccomp filter for the `chroot` tier, where one can be made. */
  readonly filter: string | undefined;
  /** Where programs get groups of their own; empty: nothing holds them. */
  readonly cgroups: readonly BuildCgroup[];
  readonly onEvent: (event: KeeperEvent) => void;
}

/** What each request does: the keeper's parts, put together. */
export function makeHandlers(options: HandlersOptions): Handlers {
  const { config, directory, snapshots, calls, syscalls, mounter, onEvent } = options;
  const { setTimes } = syscalls;
  const workers = new LayerWorkers();
  const format: LayerFormat = { marks: mounter?.marks ?? 'names', owners: config.owners };
  const remove = async (name: string): Promise<void> => removeTree(join(snapshots.path, name));
  const copies = new CopiedLayers(snapshots);
  const layers: LayerDirectories = new LayerDirectories({
    snapshots,
    // Of the other kinds of snapshots files are read with other marks, merged, or another's than the layer says.
    ...(format.marks === 'overlay' &&
      format.owners === 'kept' && { link: (...of: Parameters<CopiedLayers['link']>) => copies.link(...of) }),
    remove,
    onEvent,
    extract: (input) => extractBlob(input, workers, format),
    mayMakeDevices: mayMakeDevices(),
    suffix: formatSuffix(format),
  });
  const workspace = mounter
    ? new OverlayWorkspace({ directory, snapshots, layers, workers, format, mounter, setTimes, remove })
    : new CopyWorkspace({
        ...{ directory, snapshots, layers, workers, format, remove },
        enter: config.namespaces ? withBoundTree(calls) : ({ root }, use) => use(root),
      });
  const files = new PackedFiles(join(directory, 'packed'));
  const { filter, cgroups } = options;
  const standIns: StandInCalls = {
    setTimes,
    makeDevice: (path, major, minor) => syscalls.mknod(path, fileType.char | 0o666, major, minor),
  };
  const sandbox = makeSandboxes(config, { directory, setTimes, standIns, calls, filter, cgroups });
  const capability = (path: string | Buffer): Buffer | undefined =>
    syscalls.getXattr(path, 'security.capability');
  const copy = { workspace, files, capability };
  const cacheMounts = join(config.dataDirectory, 'cache-mounts');
  const extract = async (blob: LayerBlob, target: string, signal: AbortSignal): Promise<void> => {
    const clear = async (): Promise<void> => {
      removeTree(target);
      mkdirSync(target, { mode: 0o755 });
    };
    const lowers = async () => [];
    await extractBlob({ blob, directory: target, signal, lowers, clear }, workers, format);
  };
  const caches = new CacheDirectories({
    extract,
    directory: cacheMounts,
    owner: config.id,
    calls,
    async copyTree(tree, target, signal) {
      const packed = await copyFromTree(
        { from: tree, sources: [{ pattern: '.' }], target: [], destination: '/' },
        { ...copy, signal },
      );
      await extract({ kind: 'blob', path: packed.path, diffId: packed.diffId }, target, signal);
      for (const path of [packed.path, packed.toc]) rmSync(path);
    },
  });
  const housekeeping = new Housekeeping({ snapshots, caches, cacheMounts, removeTree });
  const memoryFile: MemoryFile = (file, path, use) =>
    config.namespaces
      ? withMemoryFile(file, { path, calls }, use)
      : withSharedMemoryFile(file, { keeper: config.id }, use);
  const resizes = new EventEmitter();
  /** What a snapshot that a RUN made lies on, and what the sandbox left in it. */
  const steps = new Map<string, { readonly tree: Tree; readonly stubs: readonly string[] }>();
  return {
    async prepare({ tree }, { signal }) {
      await layers.of(tree, signal);
      return null;
    },
    async run(request, context) {
      const { response, stubs } = await runStep(request, context, {
        workspace,
        caches,
        memoryFile,
        sandbox,
        owners: config.owners,
        onResize(listener) {
          resizes.on('resize', listener);
          return () => void resizes.off('resize', listener);
        },
      });
      if (response.snapshot !== undefined) steps.set(response.snapshot.id, { tree: request.tree, stubs });
      return response;
    },
    async pack({ snapshot, epoch }, { signal }) {
      const step = steps.get(snapshots.checked(snapshot.id));
      if (step === undefined) throw failure('KEEPER', 'pack', snapshot.id, 'no RUN of this build made it');
      const lowers = (await layers.of(step.tree, signal)).map((id) => snapshots.absolute(id));
      const packOptions = { epoch, lowers, ...format, ignore: step.stubs.map(bytePathOf) };
      const upper = snapshots.absolute(snapshot.id);
      const packed = await files.write((path) => {
        const job = { kind: 'pack', upper, path, options: packOptions } as const;
        return workers.run(job, signal, { inline: isSmallTree(upper) });
      });
      layers.publish(snapshot.id, packed.diffId, step.tree);
      return packed;
    },
    async copy(request, { signal }) {
      const ids = await layers.of(request.from, signal);
      const onCopied = (diffId: Digest, plan: CopyPlan): void =>
        copies.remember(diffId, plan, { from: request.from, ids });
      return await copyFromTree(request, { ...copy, signal, onCopied });
    },
    checksum: (request, { signal }) => checksumSources(request, { ...copy, signal }),
    owner: (request, { signal }) => lookUpOwner(request, { workspace, signal }),
    async resize() {
      resizes.emit('resize');
      return null;
    },
    async remove({ snapshots: names }) {
      for (const name of names) await remove(snapshots.discard(name));
      return null;
    },
    usage: (_request, { signal }) => housekeeping.usage(signal),
    prune: (request, { signal }) => housekeeping.prune(request, signal),
    async packCache({ key }, { signal }) {
      const packed = await caches.withFiles(key, signal, async (root) => {
        const { uid, gid, mode } = statSync(root);
        const request = { sources: [{ pattern: '.' }], target: [], destination: '/' };
        const layer = await copyFromDirectory(root, request, { files, capability, signal });
        return { ...layer, root: { uid, gid, mode: mode & 0o7777 } };
      });
      return packed ?? null;
    },
    async fillCache(request, { signal }) {
      await caches.fill(request, signal);
      return null;
    },
  };
}
