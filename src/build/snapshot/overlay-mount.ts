import { type MountCalls, mountFlags } from './mount-calls.ts';

/**
 * `userxattr` always, as root too, so that steps inside and outside of user namespaces share layers. The others against kernels with other defaults:
 * EBUSY and ESTALE with an index, empty moved directories with redirects, contentless files with metacopy. (`redirect_dir=off` may mean `follow`,
 * which userxattr refuses.)
 */
const always = ['userxattr', 'index=off', 'redirect_dir=nofollow', 'metacopy=off'];

/** One page, the end mark included: what mount(2) takes as data. */
const maxMountDataBytes = 4095;

/** OVL_MAX_STACK (Linux, fs/overlayfs/params.h). */
const maxLowers = 500;

export interface OverlayLayers {
  /** Bottom first, at least one; relative to the working directory, for the data of mount(2) are short. No colon, comma or backslash. */
  readonly lowers: readonly string[];
  /** Where changes go; without it the mount is read-only. Both on one file system. */
  readonly upper?: { readonly directory: string; readonly work: string };
}

/**
 * Each layer once, where it is topmost: overlayfs fails with ELOOP on one that it is given twice, and what a layer has or hides it has and hides
 * from there already.
 */
export function topFirst(lowers: readonly string[]): string[] {
  return [...new Set(lowers.toReversed())];
}

/** Data of mount(2). */
export function overlayData({ lowers, upper }: OverlayLayers): string {
  const options = [...always, `lowerdir=${topFirst(lowers).join(':')}`];
  // volatile: no sync when the mount goes; whoever keeps the upper directory syncs it.
  if (upper !== undefined) options.push(`upperdir=${upper.directory}`, `workdir=${upper.work}`, 'volatile');
  return options.join(',');
}

/** Layers that fit one mount; of longer chains the caller makes shorter ones. */
export function fitsOneMount(layers: OverlayLayers): boolean {
  return layers.lowers.length <= maxLowers && Buffer.byteLength(overlayData(layers)) <= maxMountDataBytes;
}

/** Without devices: one in a base image, or one that a step makes, must not open the host's. `target` is absolute: nothing else of the process depends on the working directory. */
export function mountOverlay(calls: MountCalls, target: string, layers: OverlayLayers): void {
  calls.mount('overlay', target, 'overlay', mountFlags.noDev, overlayData(layers));
}
