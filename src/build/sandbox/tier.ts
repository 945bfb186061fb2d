/**
 * What runs RUN steps. `oci`: an OCI runtime in namespaces. `proot`: ptrace(2) alone, in the containers
 * that allow neither.
 */
export type Tier = 'oci' | 'proot';

/** In the order in which they are tried. */
export const tiers: readonly Tier[] = ['oci', 'proot'];
