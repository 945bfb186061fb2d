/** How a tree is put together from layers: by the kernel, by a program through FUSE, or as a copy of all its files. */
export type Snapshotter = (typeof snapshotters)[number];

/** In the order in which a keeper tries them: each costs more than the one before it. */
export const snapshotters = ['overlayfs', 'fuse-overlayfs', 'copy'] as const;

/** One that does not work here, and why. */
export interface RejectedSnapshotter {
  readonly snapshotter: Snapshotter;
  readonly reason: string;
}
