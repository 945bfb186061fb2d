import type { Tier } from '../sandbox/tier.ts';
import type { Owners } from '../snapshot/owners.ts';
import type { Snapshotter } from '../snapshot/snapshotter.ts';
import type { CgroupConfig } from './cgroups/open-cgroup.ts';
import type { Ids } from './user-namespace.ts';

/** What the keeper's process is started with: one JSON argument. */
export interface KeeperConfig {
  /** Absolute, without symbolic links; its `ownDirectories` are there. */
  readonly dataDirectory: string;
  /** Its name, and its directory's below `keeper`. */
  readonly id: string;
  /** Directories of this machine, absolute, that programs may change: `polyarch run --volume`. */
  readonly writable: readonly string[];
  readonly tier: Tier;
  /** How trees may be made, in the order in which it is tried. */
  readonly snapshotters: readonly Snapshotter[];
  /** False: processes and mounts are the machine's own, and what a killed keeper leaves is for the next one to end. */
  readonly namespaces: boolean;
  readonly userNamespace: boolean;
  /** What a user namespace maps. */
  readonly ids: Ids;
  /** `lost`: files can be given to nobody, everything that steps make belongs to root. */
  readonly owners: Owners;
  /** What to register in a binfmt_misc of its own; none: the host's serves. */
  readonly binfmt: readonly string[];
  /** Emulators that programs are started with: Go's name of the architecture → absolute path. */
  readonly emulators: Readonly<Record<string, string>>;
  /** Go's names of the architectures that are emulated, for hints. */
  readonly emulated: readonly string[];
  /** What programs may use, and the groups that hold them to it. Absent: no limits. */
  readonly cgroup?: CgroupConfig | undefined;
}
