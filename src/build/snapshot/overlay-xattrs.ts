import type { FsPath, Syscalls } from './syscalls.ts';

/**
 * overlayfs' marks. All mounts here use `userxattr`, as root too, so that native and emulated steps can share layers; `trusted.` marks are read
 * all the same, since a mark that goes unread brings deleted files back.
 */
const prefixes = ['user.overlay.', 'trusted.overlay.'] as const;

export const opaqueMark = 'user.overlay.opaque';

/** What fuse-overlayfs reads besides (its main.c and utils.c): a base image that gave such ones would have another tree there than elsewhere. */
const fusePrefixes = [
  'user.fuseoverlayfs.',
  'security.fuseoverlayfs.',
  'user.containers.override_stat',
] as const;

export function isOverlayXattr(name: string): boolean {
  return [...prefixes, ...fusePrefixes].some((prefix) => name.startsWith(prefix));
}

/** What is below this directory in lower layers does not show. */
export function isOpaque(calls: Syscalls, directory: FsPath): boolean {
  return prefixes.some((prefix) => calls.getXattr(directory, `${prefix}opaque`)?.toString('latin1') === 'y');
}
