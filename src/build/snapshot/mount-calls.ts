import { closeSync, constants, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { failure } from '../../lib/errors.ts';

/** mount(2)'s flags. */
export const mountFlags = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  bind: 0x1000,
  recursive: 0x4000,
  remount: 0x20,
} as const;

const detach = 2;
/** F_SETFD, FD_CLOEXEC. */
const setDescriptorFlags = 2;
const closeOnExecFlag = 1;
const lockShared = 1;
const lockExclusive = 2;
const lockNonBlocking = 4;
/** The same number on every architecture since mount_setattr(2) came with Linux 5.12. */
const mountSetattrNumber = 442;
/** The same number on every architecture since openat2(2) came with Linux 5.6. */
const openat2Number = 437;
const resolveInRoot = 0x10n;
const openPath = 0o10000000;
const closeOnExec = 0o2000000;
const atCurrentDirectory = -100;
const atRecursive = 0x8000;
const attributeReadOnly = 0x1n;
const attributeNoDev = 0x4n;

/** The system calls that Node lacks. Loaded once, when first needed: the addon costs tens of milliseconds. */
export interface MountCalls {
  /** SANDBOX with the errno's name when it fails, STORE where a disk is full. */
  mount(source: string, target: string, type: string, flags: number, data?: string): void;
  /** Detached: what is open in it lives on, nothing new gets in. */
  unmount(target: string): void;
  /** Sets or clears read-only on a mount and, when asked for, on every mount below it. False where the kernel has no such call. */
  setReadOnly(target: string, readOnly: boolean, options: { readonly recursive: boolean }): boolean;
  /** Mounts `source`, and what is mounted below it, once more at `target`: without devices, and read-only when asked for; other flags stay as they are. */
  bind(source: string, target: string, options: { readonly readOnly: boolean }): void;
  /**
   * A descriptor (O_PATH) of what is at `path` in `root`, links followed as if `root` were `/`, whoever changes the tree meanwhile. Undefined when
   * there is nothing.
   */
  openInRoot(root: string, path: string): number | undefined;
  /** Read and write end, closed on exec. Node's own `pipe` is a socket, which a program cannot open again as /dev/stdout. */
  pipe(): readonly [read: number, write: number];
  /** Programs that are started from now on do not get it; nothing when it is closed. */
  closeOnExec(fd: number): void;
  /** Takes a lock, exclusive by default, that ends with the descriptor. False when somebody's is in the way. */
  tryLock(fd: number, kind?: 'shared' | 'exclusive'): boolean;
  /** Everything written to the file system that `fd` is on reaches the disk. */
  syncFileSystem(fd: number): Promise<void>;
}

let loaded: Promise<MountCalls> | undefined;

export function loadMountCalls(): Promise<MountCalls> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<MountCalls> {
  const { default: koffi } = await import('koffi');
  // null: the symbols of the running program, libc's among them, under glibc and musl alike.
  const libc = koffi.load(null);
  const mount = libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)');
  const umount2 = libc.func('int umount2(const char*, int)');
  const syscall = libc.func('long syscall(long, int, const char*, unsigned int, void*, size_t)');
  const openat2 = libc.func('syscall', 'long', ['long', 'int', 'str', 'void*', 'size_t']);
  const pipe2 = libc.func('int pipe2(void*, int)');
  const fcntl = libc.func('int fcntl(int, int, ...)');
  const flock = libc.func('int flock(int, int)');
  const syncfs = libc.func('int syncfs(int)');
  const reason = (): string => getSystemErrorName(-koffi.errno());
  /** False where the kernel has no mount_setattr(2). */
  const setAttributes = (
    target: string,
    change: { readonly set?: bigint; readonly clear?: bigint },
    { recursive }: { readonly recursive: boolean },
  ): boolean => {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd; 64 bits each.
    const attributes = BigUint64Array.of(change.set ?? 0n, change.clear ?? 0n, 0n, 0n);
    const flags = recursive ? atRecursive : 0;
    if (syscall(mountSetattrNumber, atCurrentDirectory, target, flags, attributes, 32) === 0) return true;
    if (reason() === 'ENOSYS') return false;
    throw failure('SANDBOX', 'remount', target, reason());
  };
  const call = (source: string, target: string, type: string, flags: number, data?: string): void => {
    if (mount(source, target, type, flags, data ?? null) !== 0) {
      const code = reason();
      // A full disk is the store's trouble: no other sandbox would fare better.
      const full = code === 'ENOSPC';
      const what = full ? `${code}: no space left on device` : code;
      throw failure(full ? 'STORE' : 'SANDBOX', 'mount', target, `${type || 'bind'}: ${what}`, {
        cause: Object.assign(new Error(code), { code }),
      });
    }
  };
  return {
    mount: call,
    bind(source, target, { readOnly }) {
      call(source, target, '', mountFlags.bind | mountFlags.recursive);
      const set = attributeNoDev | (readOnly ? attributeReadOnly : 0n);
      if (setAttributes(target, { set }, { recursive: true })) return;
      const flags = mountFlags.noDev | (readOnly ? mountFlags.readOnly : 0);
      call('', target, '', mountFlags.bind | mountFlags.remount | flags);
    },
    unmount(target) {
      if (umount2(target, detach) !== 0) throw failure('SANDBOX', 'unmount', target, reason());
    },
    setReadOnly: (target, readOnly, options) =>
      setAttributes(target, readOnly ? { set: attributeReadOnly } : { clear: attributeReadOnly }, options),
    openInRoot(root, path) {
      const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        // struct open_how: flags, mode, resolve; 64 bits each.
        const how = BigUint64Array.of(BigInt(openPath | closeOnExec), 0n, resolveInRoot);
        const fd = Number(openat2(openat2Number, directory, path, how, 24));
        if (fd >= 0) return fd;
        if (reason() === 'ENOENT' || reason() === 'ENOTDIR') return undefined;
        throw failure('SANDBOX', 'open', path, reason());
      } finally {
        closeSync(directory);
      }
    },
    pipe() {
      const ends = new Int32Array(2);
      if (pipe2(ends, closeOnExec) !== 0) throw failure('SANDBOX', 'make', 'pipe', reason());
      return [ends[0] ?? -1, ends[1] ?? -1];
    },
    closeOnExec: (fd) => void fcntl(fd, setDescriptorFlags, 'int', closeOnExecFlag),
    tryLock: (fd, kind = 'exclusive') =>
      flock(fd, (kind === 'shared' ? lockShared : lockExclusive) | lockNonBlocking) === 0,
    syncFileSystem: (fd) =>
      new Promise((resolve, reject) => {
        syncfs.async(fd, (error: unknown, result: number) => {
          if (error || result !== 0)
            reject(failure('STORE', 'sync', 'snapshots', 'syncfs failed', { cause: error }));
          else resolve();
        });
      }),
  };
}
