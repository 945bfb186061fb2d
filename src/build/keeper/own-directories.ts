/** What the keeper writes to, below the data directory. */
export const ownDirectories: readonly string[] = ['snapshots', 'keeper', 'cache-mounts'];
