import type { MarkFormat } from './layer-marks.ts';
import type { MountCalls } from './mount-calls.ts';
import { fitsOneMount, mountOverlay, type OverlayLayers } from './overlay-mount.ts';

/** Mounts layers on one another. */
export interface OverlayMounter {
  /** How layers' directories say what they hide. */
  readonly marks: MarkFormat;
  /** Whether so many layers can be mounted at once. */
  fits(layers: OverlayLayers): boolean;
  /** At the absolute path `target`; the names of layers are relative to the working directory. Returns what takes it away. SANDBOX. */
  mount(target: string, layers: OverlayLayers): Promise<() => Promise<void>>;
}

/** The kernel's overlayfs. */
export function kernelMounter(calls: MountCalls): OverlayMounter {
  return {
    marks: 'overlay',
    fits: fitsOneMount,
    async mount(target, layers) {
      mountOverlay(calls, target, layers);
      return async () => calls.unmount(target);
    },
  };
}
