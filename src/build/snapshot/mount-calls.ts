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
} as const;

const detach = 2;
const lockExclusive = 2;
const lockNonBlocking = 4;
/** The same number on every architecture since mount_setattr(2) came with Linux 5.12. */
const mountSetattrNumber = 442;
const closeOnExec = 0o2000000;
const atCurrentDirectory = -100;
const atRecursive = 0x8000;
const attributeReadOnly = 0x1n;

/** The system calls that Node lacks. Loaded once, when first needed: the addon costs tens of milliseconds. */
export interface MountCalls {
  /** SANDBOX with the errno's name when it fails. */
  mount(source: string, target: string, type: string, flags: number, data?: string): void;
  /** Detached: what is open in it lives on, nothing new gets in. */
  unmount(target: string): void;
  /** Sets or clears read-only on a mount and, when asked for, on every mount below it. False where the kernel has no such call. */
  setReadOnly(target: string, readOnly: boolean, options: { readonly recursive: boolean }): boolean;
  /** Read and write end, closed on exec. Node's own `pipe` is a socket, which a program cannot open again as /dev/stdout. */
  pipe(): readonly [read: number, write: number];
  /** Takes an exclusive lock that ends with the descriptor. False when somebody holds it. */
  tryLock(fd: number): boolean;
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
  const pipe2 = libc.func('int pipe2(void*, int)');
  const flock = libc.func('int flock(int, int)');
  const syncfs = libc.func('int syncfs(int)');
  const reason = (): string => getSystemErrorName(-koffi.errno());
  return {
    mount(source, target, type, flags, data) {
      if (mount(source, target, type, flags, data ?? null) !== 0) {
        throw failure('SANDBOX', 'mount', target, `${type || 'bind'}: ${reason()}`);
      }
    },
    unmount(target) {
      if (umount2(target, detach) !== 0) throw failure('SANDBOX', 'unmount', target, reason());
    },
    setReadOnly(target, readOnly, { recursive }) {
      // struct mount_attr: attr_set, attr_clr, propagation, userns_fd; 64 bits each.
      const attributes = new BigUint64Array(4);
      attributes[readOnly ? 0 : 1] = attributeReadOnly;
      const flags = recursive ? atRecursive : 0;
      if (syscall(mountSetattrNumber, atCurrentDirectory, target, flags, attributes, 32) === 0) return true;
      if (reason() === 'ENOSYS') return false;
      throw failure('SANDBOX', 'remount', target, reason());
    },
    pipe() {
      const ends = new Int32Array(2);
      if (pipe2(ends, closeOnExec) !== 0) throw failure('SANDBOX', 'make', 'pipe', reason());
      return [ends[0] ?? -1, ends[1] ?? -1];
    },
    tryLock: (fd) => flock(fd, lockExclusive | lockNonBlocking) === 0,
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
