import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { joinFsPath } from '../../archive/byte-path.ts';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import type { FsPath } from './syscalls.ts';

/** Directories that are open at once; what lies deeper is first moved up, so that no depth uses up descriptors. */
const maxDepth = 64;

export interface RemoveTreeOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Deletes `path` and all below it; nothing when it does not exist. Any names, depths and permissions; links are deleted, never followed; a
 * mount anywhere in it is an error before anything is deleted. Each directory is opened once, without following links, and named by its
 * descriptor from then on, so that a name that is swapped meanwhile leads nowhere. Bytes must be an absolute path. Synchronous. STORE when something cannot be deleted.
 */
export function removeTree(path: FsPath, options: RemoveTreeOptions = {}): void {
  const root = typeof path === 'string' ? resolve(path) : path;
  try {
    const stats = lstatSync(root, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (!stats.isDirectory()) unlinkSync(root);
    else {
      refuseMounts(root);
      emptyDirectory(root, stats.dev, options);
      rmdirSync(root);
    }
  } catch (error) {
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'delete', path.toString(), reasonOf(error), { cause: error });
  }
}

function emptyDirectory(root: FsPath, device: number, options: RemoveTreeOptions): void {
  const top = openDirectory(root, device);
  let moved = 0;
  try {
    // What was moved up is found by the next round.
    do {
      moved = emptyOpened(top, { device, depth: 0, top, ...options });
    } while (moved > 0);
  } finally {
    closeSync(top);
  }
}

interface Walk extends RemoveTreeOptions {
  readonly device: number;
  readonly depth: number;
  readonly top: number;
}

let unique = 0;

/** How many directories were moved up to the top instead of deleted. */
function emptyOpened(fd: number, walk: Walk): number {
  const here = `/proc/self/fd/${fd}`;
  let moved = 0;
  for (const entry of readdirSync(here, { encoding: 'latin1', withFileTypes: true })) {
    throwIfAborted(walk.signal);
    const child = joinFsPath(here, entry.name);
    if (!entry.isDirectory() && !isUntypedDirectory(entry, child)) {
      unlinkSync(child);
      continue;
    }
    if (walk.depth >= maxDepth) {
      // A directory's parent can be changed only by who may write to it.
      chmodSync(child, 0o700);
      renameSync(child, `/proc/self/fd/${walk.top}/.${process.pid}-${++unique}`);
      moved++;
      continue;
    }
    const opened = openDirectory(child, walk.device);
    try {
      moved += emptyOpened(opened, { ...walk, depth: walk.depth + 1 });
    } finally {
      closeSync(opened);
    }
    rmdirSync(child);
  }
  return moved;
}

/** Some file systems give no types with the names. */
function isUntypedDirectory(
  entry: { isFile(): boolean; isSymbolicLink(): boolean },
  path: string | Buffer,
): boolean {
  return !entry.isFile() && !entry.isSymbolicLink() && lstatSync(path).isDirectory();
}

function openDirectory(path: string | Buffer, device: number): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
    chmodSync(path, 0o700);
    fd = openSync(path, flags);
  }
  const stats = fstatSync(fd);
  if (stats.dev !== device) {
    closeSync(fd);
    throw failure('STORE', 'delete', path.toString(), 'something is mounted there', {
      hint: 'unmount it first',
    });
  }
  // Its names can be deleted only with write and search permission; CAP_DAC_OVERRIDE does not reach ids that a namespace does not map.
  if ((stats.mode & 0o300) !== 0o300) chmodSync(`/proc/self/fd/${fd}`, 0o700);
  return fd;
}

/** A bind mount of the same file system has the same device number: only the mount table tells. */
function refuseMounts(root: FsPath): void {
  const table = readFileSync('/proc/self/mountinfo', 'latin1');
  const prefix = `${Buffer.from(root).toString('latin1')}/`;
  for (const line of table.split('\n')) {
    const point = line
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (point === undefined || !`${point}/`.startsWith(prefix)) continue;
    throw failure('STORE', 'delete', root.toString(), 'something is mounted in it', {
      hint: `umount ${point}`,
    });
  }
}
