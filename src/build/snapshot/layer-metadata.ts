import { chmodSync, lchownSync, lutimesSync, type Stats } from 'node:fs';
import { type BytePath, displayPath } from '../../archive/byte-path.ts';
import type { TocEntry } from '../../archive/toc.ts';
import { failure } from '../../lib/errors.ts';
import { legibleMode } from './legible-mode.ts';
import { isOverlayXattr } from './overlay-xattrs.ts';
import type { Owners } from './owners.ts';
import { type FsPath, SyscallError, type Syscalls } from './syscalls.ts';

export type Metadata = Pick<TocEntry, 'type' | 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimeNs' | 'xattrs'>;

/** Gives files the metadata of entries: owner, then attributes, then mode, then time, since chown takes setuid and capabilities away. */
export class MetadataWriter {
  readonly calls: Syscalls;
  readonly #warn: (message: string) => void;
  readonly #owners: Owners;

  constructor(calls: Syscalls, warn: (message: string) => void, owners: Owners = 'kept') {
    this.calls = calls;
    this.#warn = warn;
    this.#owners = owners;
  }

  /** For everything that is not written through a descriptor. */
  apply(path: BytePath, file: FsPath, entry: Metadata): void {
    if (this.#owners === 'kept') lchownSync(file, entry.uid, entry.gid);
    this.setXattrs(path, file, entry);
    if (entry.type !== 'symlink') chmodSync(file, this.modeOf(entry));
    this.setTimes(file, entry);
  }

  modeOf({ mode, type }: Pick<Metadata, 'mode' | 'type'>): number {
    return legibleMode(mode, { isDirectory: type === 'directory', owners: this.#owners });
  }

  setTimes(file: FsPath, entry: Metadata): void {
    // Node takes seconds as a double, in which nanoseconds do not fit, and makes "now" of negative ones.
    if (entry.mtimeNs || entry.mtime < 0) this.calls.setTimes(file, entry.mtime, entry.mtimeNs ?? 0);
    else lutimesSync(file, entry.mtime, entry.mtime);
  }

  setXattrs(path: BytePath, file: FsPath, entry: Metadata): void {
    for (const [name, value] of entry.xattrs ?? []) {
      // Not the layer's to give: the kernel's own, and overlayfs', which would hide or redirect what is below.
      if (name.startsWith('trusted.') || isOverlayXattr(name)) continue;
      try {
        this.calls.setXattr(file, name, value);
      } catch (error) {
        const tolerable =
          error instanceof SyscallError &&
          (isTolerable(error.code, name, entry) || (this.#owners === 'lost' && error.code === 'EPERM'));
        if (!tolerable) {
          throw failure('STORE', 'extract', displayPath(path), `${name}: ${String(error)}`, { cause: error });
        }
        this.#warn(`${displayPath(path)}: the attribute ${name} could not be set (${error.code})`);
      }
    }
  }
}

/** Metadata of a file that is there, attributes included. */
export function metadataOf(calls: Syscalls, file: FsPath, stats: Stats): Metadata {
  const xattrs = new Map<string, Buffer>();
  for (const name of calls.listXattrs(file)) {
    const value = calls.getXattr(file, name);
    if (value) xattrs.set(name, value);
  }
  return {
    type: stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file',
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtime: Math.floor(stats.mtimeMs / 1000),
    xattrs,
  };
}

/** Attributes that this file system or kernel refuses to anybody, or to a user namespace; a lost capability is never one of them. */
function isTolerable(code: string, name: string, entry: Metadata): boolean {
  if (name === 'security.capability') return false;
  if (code === 'ENOTSUP' || code === 'EOPNOTSUPP') return true;
  if (code !== 'EPERM') return false;
  if (name.startsWith('user.')) return entry.type !== 'file' && entry.type !== 'directory';
  return name.startsWith('security.');
}
