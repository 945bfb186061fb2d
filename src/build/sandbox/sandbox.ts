/** One program in a root file system, as a RUN step or `polyarch run` needs it. */
export interface SandboxSpec {
  /** Where the root file system is mounted. Nobody else works in it while the program runs. */
  readonly root: string;
  /** An empty directory of this run's own: configuration, generated files. The caller removes it. */
  readonly scratch: string;
  /** Unique among the runs of one keeper; letters, digits and dashes. */
  readonly id: string;
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Absolute; made when it is missing, for the user. */
  readonly cwd: string;
  /** `user[:group]`, names from the root's own files; empty for root. */
  readonly user: string;
  readonly network: 'host' | 'none';
  readonly hostname: string;
  /** Lines of /etc/hosts behind the usual ones, in their order. */
  readonly extraHosts: readonly ExtraHost[];
  /** What to mount over the tree, in this order. Their sources are there, and stay until the program has ended. */
  readonly mounts: readonly SandboxMount[];
  /** `insecure`: every capability that this process may give, no system call and no part of /proc and /sys withheld. */
  readonly security: 'sandbox' | 'insecure';
  readonly limits: SandboxLimits;
  /** Control groups that the program is moved into before it begins: files that take its process's id. Default: none. */
  readonly joins?: readonly string[];
}

export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

/** A target that the tree lacks is made, and taken away again when it is still empty: see `SandboxResult.stubs`. Links in it lead inside the root. */
export type SandboxMount =
  | {
      readonly kind: 'bind';
      /** A file, a directory or a socket of this side. */
      readonly source: string;
      /** Absolute, clean. */
      readonly target: string;
      readonly readOnly: boolean;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      /** The kernel's own limit, half of the memory, by default. */
      readonly maxBytes?: number;
    };

/** What a program may use. SANDBOX by a tier that cannot hold it to one: none is ever ignored. */
export interface SandboxLimits {
  /** setrlimit(2), by their names without `RLIMIT_`, in lower case. */
  readonly ulimits: readonly Ulimit[];
  /** Size of /dev/shm. Default 64 MiB. */
  readonly shmBytes?: number;
}

export interface Ulimit {
  readonly name: string;
  /** -1: no limit. */
  readonly soft: number;
  readonly hard: number;
}

export interface SandboxOptions {
  /** Kills the program and what it started. */
  readonly signal: AbortSignal;
  /** On abort: this first (`SIGTERM`, `TERM` or a number), SIGKILL after the time. Default: SIGKILL at once. */
  readonly stop?: { readonly signal: string; readonly graceMilliseconds: number } | undefined;
  /** Output as it comes, or this process's own descriptors. */
  readonly output: SandboxOutput;
}

/** This process's own, or nothing. */
export type ProgramInput = 'inherit' | 'empty';

export type SandboxOutput =
  | { readonly kind: 'inherit'; readonly stdin: ProgramInput }
  | {
      /** This process's descriptors are a terminal: the program gets one of its own, which is joined to it. */
      readonly kind: 'terminal';
      readonly stdin: ProgramInput;
      /** Calls back whenever the size of this process's terminal has changed; returns how to stop that. */
      readonly onResize: (listener: () => void) => () => void;
    }
  | {
      readonly kind: 'chunks';
      /** A promise that is returned is waited for before more is read. */
      readonly onChunk: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
    };

export interface SandboxResult {
  /** The program's own, 128 + n for signal n. */
  readonly exitCode: number;
  /**
   * Paths in the root, without leading slash, that the sandbox made to mount on and took away again if they were still empty: their parents look
   * touched to overlayfs.
   */
  readonly stubs: readonly string[];
  /** How many of its processes were killed because they used more memory than they were given together. */
  readonly memoryKills?: number;
}

/** A tier. Failures: SANDBOX when the program could not be started, NOT_FOUND for a user, INTERRUPTED. */
export interface Sandbox {
  /** A program whose output comes in chunks is about to be run: what can be done before its tree is there. */
  prepare?(): void;
  /** Resolves when every process that the program started is gone. */
  run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult>;
}
