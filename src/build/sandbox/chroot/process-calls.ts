import { getSystemErrorName } from 'node:util';
import { failure } from '../../../lib/errors.ts';

/** The system calls by which a process becomes a program in another root. They are for this process's first thread alone, which `execute` leaves alone. */
export interface ProcessCalls {
  /** This process's first thread gets namespaces of its own: types as in config.json, `pid` not among them. */
  unshare(types: readonly string[]): void;
  /** The mount that the working directory is the root of becomes `/`, and what was `/` lies over it. */
  pivotRoot(): void;
  /** chroot(2), with the working directory in it. */
  changeRoot(path: string): void;
  setHostName(name: string): void;
  /** The loopback device of this network namespace gets up. */
  startLoopback(): void;
  /** setrlimit(2) by number; Infinity: none. */
  setLimit(resource: number, soft: number, hard: number): void;
  /** Takes capabilities from this process and from all that it becomes. */
  dropCapabilities(numbers: readonly number[]): void;
  /** Loads a seccomp filter (BPF). Needs CAP_SYS_ADMIN in this user namespace. */
  filter(program: Buffer): void;
  /** SIGKILL when the parent ends; a change of ids takes it away. */
  dieWithParent(): void;
  /** Signals as a program expects them: Node ignores SIGPIPE and SIGXFSZ. */
  resetSignals(): void;
  closeOnExec(fd: number, close: boolean): void;
  /** Returns only when it failed: the name of the errno. */
  execute(path: string, args: readonly string[], env: readonly string[]): string;
}

/** pivot_root(2), which not every libc has. */
const pivotRootNumbers: Readonly<Record<string, number>> = {
  arm: 218,
  arm64: 41,
  ia32: 217,
  loong64: 41,
  ppc64: 203,
  riscv64: 41,
  s390x: 217,
  x64: 155,
};

/** clone(2)'s flags, by config.json's names of namespaces. */
const namespaceFlags: Readonly<Record<string, number>> = {
  mount: 0x00020000,
  uts: 0x04000000,
  ipc: 0x08000000,
  network: 0x40000000,
};

const controls = { dieWithParent: 1, seccomp: 22, readBounding: 23, dropBounding: 24, ambient: 47 } as const;
const seccompModeFilter = 2;
const filterInstructionBytes = 8;
const clearAmbient = 4;
const sigKill = 9;
/** SIGPIPE and SIGXFSZ, the same numbers on all processors that Node runs on. */
const ignoredByNode = [13, 25];
const familyInternet = 2;
const datagram = 2;
const setInterfaceFlags = 0x8914;
const interfaceUp = 0x1;
const setDescriptorFlags = 2;
const closeOnExecFlag = 1;
const capabilityVersion = 0x20080522;

export async function loadProcessCalls(): Promise<ProcessCalls> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const syscall = libc.func('long syscall(long, const char*, const char*)');
  const unshare = libc.func('int unshare(int)');
  const chroot = libc.func('int chroot(const char*)');
  const sethostname = libc.func('int sethostname(const char*, size_t)');
  const socket = libc.func('int socket(int, int, int)');
  const close = libc.func('int close(int)');
  const ioctl = libc.func('int ioctl(int, unsigned long, void*)');
  const setrlimit = libc.func('int setrlimit(int, void*)');
  const prctl = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  koffi.struct('sock_fprog', { length: 'unsigned short', program: 'void*' });
  const setFilter = libc.func('prctl', 'int', ['int', 'unsigned long', 'sock_fprog*']);
  const capget = libc.func('int capget(void*, void*)');
  const capset = libc.func('int capset(void*, void*)');
  const signal = libc.func('void* signal(int, void*)');
  const fcntl = libc.func('int fcntl(int, int, ...)');
  const execve = libc.func('int execve(const char*, const char**, const char**)');
  const reason = (): string => getSystemErrorName(-koffi.errno());
  const checked = (result: number, action: string, thing: string): void => {
    if (result < 0) throw failure('SANDBOX', action, thing, reason());
  };
  return {
    unshare(types) {
      const flags = types.reduce((all, type) => all | (namespaceFlags[type] ?? 0), 0);
      checked(unshare(flags), 'make', 'namespaces');
    },
    pivotRoot() {
      const number = pivotRootNumbers[process.arch];
      if (number === undefined)
        throw failure('SANDBOX', 'change', 'root', `${process.arch} is not known here`);
      checked(Number(syscall(number, '.', '.')), 'change', 'root');
    },
    changeRoot(path) {
      process.chdir(path);
      checked(chroot('.'), 'change', 'root');
    },
    setHostName: (name) => checked(sethostname(name, Buffer.byteLength(name)), 'name', name),
    startLoopback() {
      // struct ifreq: 16 bytes of name, then a union that begins with the flags.
      const request = Buffer.alloc(40);
      request.write('lo');
      if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) request.writeUInt16LE(interfaceUp, 16);
      else request.writeUInt16BE(interfaceUp, 16);
      const fd: number = socket(familyInternet, datagram, 0);
      checked(fd, 'open', 'socket');
      checked(ioctl(fd, setInterfaceFlags, request), 'start', 'lo');
      close(fd);
    },
    setLimit(resource, soft, hard) {
      const infinity = 0xffffffffffffffffn;
      const value = (limit: number): bigint => (limit === Infinity ? infinity : BigInt(limit));
      checked(setrlimit(resource, BigUint64Array.of(value(soft), value(hard))), 'limit', `${resource}`);
    },
    dropCapabilities(numbers) {
      prctl(controls.ambient, clearAmbient, 0, 0, 0);
      for (const number of numbers) {
        // Numbers that the kernel does not know fail; so do all without CAP_SETPCAP.
        prctl(controls.dropBounding, number, 0, 0, 0);
        if (prctl(controls.readBounding, number, 0, 0, 0) === 1)
          throw failure('SANDBOX', 'drop', `capability ${number}`, 'the kernel refuses');
      }
      const header = Uint32Array.of(capabilityVersion, 0);
      // Effective, permitted, inheritable; low words, then high ones.
      const sets = new Uint32Array(6);
      checked(capget(header, sets), 'read', 'capabilities');
      sets[2] = 0;
      sets[5] = 0;
      checked(capset(header, sets), 'drop', 'capabilities');
    },
    filter(program) {
      const length = program.length / filterInstructionBytes;
      checked(setFilter(controls.seccomp, seccompModeFilter, { length, program }), 'filter', 'system calls');
    },
    dieWithParent: () => checked(prctl(controls.dieWithParent, sigKill, 0, 0, 0), 'tie', 'program'),
    resetSignals() {
      for (const number of ignoredByNode) signal(number, null);
    },
    closeOnExec: (fd, close) => void fcntl(fd, setDescriptorFlags, 'int', close ? closeOnExecFlag : 0),
    execute(path, args, env) {
      execve(path, [...args, null], [...env, null]);
      return reason();
    },
  };
}
