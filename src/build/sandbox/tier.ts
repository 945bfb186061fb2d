/**
 * What runs RUN steps. `oci`: an OCI runtime in namespaces. `chroot`: namespaces and mounts of our own, without a runtime. `proot`: ptrace(2) alone,
 * in the containers that allow neither.
 */
export type Tier = 'oci' | 'chroot' | 'proot';

/** In the order in which they are tried. */
export const tiers: readonly Tier[] = ['oci', 'chroot', 'proot'];
