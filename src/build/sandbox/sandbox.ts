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
}

export interface SandboxOptions {
  /** Kills the program and what it started. */
  readonly signal: AbortSignal;
  /** On abort: this first (`SIGTERM`, `TERM` or a number), SIGKILL after the time. Default: SIGKILL at once. */
  readonly stop?: { readonly signal: string; readonly graceMilliseconds: number } | undefined;
  /** Output as it comes, or this process's own descriptors. */
  readonly output: SandboxOutput;
}

export type SandboxOutput =
  | { readonly kind: 'inherit' }
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
}

/** A tier. Failures: SANDBOX when the program could not be started, NOT_FOUND for a user, INTERRUPTED. */
export interface Sandbox {
  /** Resolves when every process that the program started is gone. */
  run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult>;
}
