/** What the keeper's process is started with: one JSON argument. */
export interface KeeperConfig {
  /** Absolute, without symbolic links; its `ownDirectories` are there. */
  readonly dataDirectory: string;
  /** Its name, and its directory's below `keeper`. */
  readonly id: string;
  /** Directories of this machine, absolute, that programs may change: `polyarch run --volume`. */
  readonly writable: readonly string[];
  readonly userNamespace: boolean;
  /** What to register in a binfmt_misc of its own; none: the host's serves. */
  readonly binfmt: readonly string[];
  /** Go's names of the architectures that are emulated, for hints. */
  readonly emulated: readonly string[];
}
