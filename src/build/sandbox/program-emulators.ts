import { normalizePlatform, type Platform } from '../../oci/platform.ts';
import { emulatedArchitecture } from './emulator-table.ts';
import { missingEmulator } from './emulators.ts';
import { findEmulator } from './find-emulator.ts';

/** Absolute paths of the qemu programs that run `foreign` platforms, by Go's name of the architecture. EMULATOR when one is missing. */
export function programEmulators(
  foreign: readonly Platform[],
  find: (name: string) => string | undefined = findEmulator,
): Record<string, string> {
  return Object.fromEntries(
    foreign.map((platform) => {
      const { architecture } = normalizePlatform(platform);
      const emulated = emulatedArchitecture(architecture);
      if (emulated === undefined) throw missingEmulator(platform, 'no emulator is known for it');
      const name = `qemu-${emulated.qemu}-static`;
      const path = find(name);
      if (path === undefined) throw missingEmulator(platform, `there is no ${name} on this machine`);
      return [architecture, path];
    }),
  );
}
