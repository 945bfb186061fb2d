import { formatPlatform, hostPlatform, type Platform } from '../../../oci/platform.ts';
import { parseMountsPlace } from '../cache-location.ts';
import type { MountsOptions } from './import-mounts.ts';

/** A build's cache mounts besides this machine's own, as typed. */
export interface MountsSettings {
  /** `--cache-mounts-from`. */
  readonly from: readonly string[];
  /** `--cache-mounts-to`. */
  readonly to: readonly string[];
}

export interface BuildMounts {
  /** Leaves what steps used where it is wanted. */
  finish(): Promise<void>;
}

/** Begins new cache mounts with those of other machines. USAGE before anything is done. */
export async function openBuildMounts(
  settings: MountsSettings,
  platforms: readonly Platform[],
  options: MountsOptions,
): Promise<BuildMounts> {
  const from = settings.from.map((text) => parseMountsPlace('--cache-mounts-from', text, 'src'));
  const to = settings.to.map((text) => parseMountsPlace('--cache-mounts-to', text, 'dest'));
  if (from.length > 0) {
    const { importMounts } = await import('./import-mounts.ts');
    // Stages that run on the machine's own platform have caches too.
    await importMounts(from, new Set([...platforms, hostPlatform()].map(formatPlatform)), options);
  }
  const since = Date.now();
  return {
    async finish() {
      if (to.length === 0) return;
      const { exportMounts } = await import('./export-mounts.ts');
      await exportMounts(to, since, options);
    },
  };
}
