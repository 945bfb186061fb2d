import {
  type Emulated,
  emulatedArchitecture,
  knownArchitectures,
  runsNatively,
} from '../../build/sandbox/emulator-table.ts';
import { failure } from '../../lib/errors.ts';
import { hostPlatform, parsePlatform } from '../../oci/platform.ts';

/** An architecture that this machine can only emulate. */
export interface ForeignArchitecture {
  /** Go's name. */
  readonly architecture: string;
  readonly emulated: Emulated;
  /** What its registration is called, as by Debian and tonistiigi/binfmt. */
  readonly name: string;
}

export function foreignArchitectures(host = hostPlatform()): ForeignArchitecture[] {
  return knownArchitectures.flatMap((architecture) => {
    const emulated = emulatedArchitecture(architecture);
    if (emulated === undefined || runsNatively({ os: 'linux', architecture }, host)) return [];
    return [{ architecture, emulated, name: `qemu-${emulated.qemu}` }];
  });
}

/** `all`, or architectures and platforms (`arm64`, `linux/riscv64`). USAGE for one that is not known or that this machine runs itself. */
export function chooseArchitectures(words: readonly string[], host = hostPlatform()): ForeignArchitecture[] {
  const foreign = foreignArchitectures(host);
  if (words.length === 0 || words.includes('all')) return foreign;
  const chosen = words
    .flatMap((word) => word.split(','))
    .map((word) => {
      const { architecture } = parsePlatform(word);
      const found = foreign.find((one) => one.architecture === architecture);
      if (found !== undefined) return found;
      const what = runsNatively({ os: 'linux', architecture }, host)
        ? 'this machine runs it itself'
        : 'no emulator is known for it';
      throw failure('USAGE', 'emulate', word, what, {
        hint: `all, or any of ${foreign.map((one) => one.architecture).join(', ')}`,
      });
    });
  return [...new Set(chosen)];
}
