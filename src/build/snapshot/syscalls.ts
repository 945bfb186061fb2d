import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { makeDevice } from './device-number.ts';

/** What fs calls take: text, or the bytes of a name that is not UTF-8. */
export type FsPath = string | Buffer;

/** Bits of st_mode. */
export const fileType = { fifo: 0o010000, char: 0o020000, block: 0o060000 } as const;

/** The file system calls that Node lacks; none of them follows a link at the path's end. They throw SyscallError. */
export interface Syscalls {
  /** `mode`: one of `fileType` and permission bits, which the umask cuts. */
  mknod(path: FsPath, mode: number, major: number, minor: number): void;
  /** Undefined when there is no such attribute or the file system has none. */
  getXattr(path: FsPath, name: string): Buffer | undefined;
  setXattr(path: FsPath, name: string, value: Buffer): void;
  removeXattr(path: FsPath, name: string): void;
  /** Names, in no order; empty where the file system has none. */
  listXattrs(path: FsPath): string[];
  /** Access and modification time; exact, where Node's utimes rounds nanoseconds and refuses times before 1970. */
  setTimes(path: FsPath, seconds: number, nanoseconds: number): void;
}

/** Stays in this room; `code` is the errno's name, as in Node's own errors. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${code}: ${call}`);
    this.code = code;
  }
}

let loaded: Promise<Syscalls> | undefined;

/** Loaded once, when first needed: the addon costs tens of milliseconds. */
export function loadSyscalls(): Promise<Syscalls> {
  loaded ??= load();
  return loaded;
}

const currentDirectory = -100;
const symlinkNoFollow = 0x100;
/** The kernel's own limit for a value and for a list of names. */
const maxXattrBytes = 65536;

async function load(): Promise<Syscalls> {
  const { default: koffi } = await import('koffi');
  // null: the symbols of the running program, libc's among them, under glibc and musl alike.
  const libc = koffi.load(null);
  const lgetxattr = libc.func('long lgetxattr(const void*, const char*, void*, size_t)');
  const lsetxattr = libc.func('int lsetxattr(const void*, const char*, const void*, size_t, int)');
  const lremovexattr = libc.func('int lremovexattr(const void*, const char*)');
  const llistxattr = libc.func('long llistxattr(const void*, void*, size_t)');
  const utimensat = libc.func('int utimensat(int, const void*, const void*, int)');
  const callMknod = findMknod(libc);
  const buffer = Buffer.alloc(maxXattrBytes);

  const failed = (call: string): SyscallError => new SyscallError(call, getSystemErrorName(-koffi.errno()));
  const { ENODATA, ENOTSUP } = constants.errno;
  // Most files have no attributes: no error is made only to be dropped.
  const none = (errno: number): boolean => errno === ENODATA || errno === ENOTSUP;
  return {
    mknod(path, mode, major, minor) {
      if (callMknod(cString(path), mode, makeDevice(major, minor)) !== 0) throw failed('mknod');
    },
    getXattr(path, name) {
      const length = Number(lgetxattr(cString(path), name, buffer, buffer.length));
      if (length >= 0) return Buffer.from(buffer.subarray(0, length));
      if (none(koffi.errno())) return undefined;
      throw failed('lgetxattr');
    },
    setXattr(path, name, value) {
      if (lsetxattr(cString(path), name, value, value.length, 0) !== 0) throw failed('lsetxattr');
    },
    removeXattr(path, name) {
      if (lremovexattr(cString(path), name) !== 0) throw failed('lremovexattr');
    },
    listXattrs(path) {
      const length = Number(llistxattr(cString(path), buffer, buffer.length));
      if (length > 0) return buffer.toString('utf8', 0, length - 1).split('\0');
      if (length === 0) return [];
      if (none(koffi.errno())) return [];
      throw failed('llistxattr');
    },
    setTimes(path, seconds, nanoseconds) {
      const times = Buffer.alloc(32);
      for (const at of [0, 16]) {
        times.writeBigInt64LE(BigInt(seconds), at);
        times.writeBigInt64LE(BigInt(nanoseconds), at + 8);
      }
      if (utimensat(currentDirectory, cString(path), times, symlinkNoFollow) !== 0) throw failed('utimensat');
    },
  };
}

type Library = ReturnType<typeof import('koffi')['load']>;

/** glibc before 2.33 has no symbol `mknod`: there it is a wrapper in the header. */
function findMknod(libc: Library): (path: Buffer, mode: number, device: bigint) => number {
  try {
    return libc.func('int mknod(const void*, unsigned int, uint64_t)');
  } catch {
    const wrapped = libc.func('int __xmknod(int, const void*, unsigned int, const void*)');
    return (path, mode, device) => {
      const number = Buffer.alloc(8);
      number.writeBigUInt64LE(device);
      return wrapped(0, path, mode, number);
    };
  }
}

function cString(path: FsPath): Buffer {
  return typeof path === 'string' ? Buffer.from(`${path}\0`) : Buffer.concat([path, nul]);
}

const nul = Buffer.from([0]);
