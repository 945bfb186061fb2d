import { startKeeper } from '../../build/keeper/start-keeper.ts';
import {
  emulatedArchitecture,
  knownArchitectures,
  runsNatively,
} from '../../build/sandbox/emulator-table.ts';
import { hostServes, installHint } from '../../build/sandbox/emulators.ts';
import { findEmulator } from '../../build/sandbox/find-emulator.ts';
import type { Tier } from '../../build/sandbox/tier.ts';
import { isFailure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { formatPlatform, hostPlatform, type Platform } from '../../oci/platform.ts';
import type { ProbeOptions, TierFinding } from './probe-tier.ts';

/** `private binfmt`: registered in the build's own user namespace. `proot -q`: each program is started with the emulator. */
export type Emulation = 'native' | 'private binfmt' | 'host binfmt' | 'proot -q' | 'none';

export interface PlatformFinding {
  readonly platform: string;
  readonly how: Emulation;
  /** Absolute path of the emulator. */
  readonly emulator?: string;
  readonly hint?: string;
}

/** How RUN steps of each architecture would run here. */
export async function probePlatforms(
  tiers: readonly TierFinding[],
  options: ProbeOptions,
): Promise<PlatformFinding[]> {
  const works = (tier: string): boolean =>
    tiers.some((found) => found.tier === tier && found.works && !found.onlyWhenNamed);
  const rows = knownArchitectures.map((architecture) => {
    const platform: Platform = { os: 'linux', architecture };
    const qemu = `qemu-${emulatedArchitecture(architecture)?.qemu}-static`;
    return { platform, emulator: findEmulator(qemu), native: runsNatively(platform, hostPlatform()) };
  });
  // One stands for all: what the kernel allows does not depend on the architecture.
  const sample = rows.find(({ native, emulator }) => !native && emulator !== undefined);
  const isolated = (['oci', 'chroot'] as const).find(works);
  const isPrivate =
    isolated !== undefined && sample !== undefined && (await canRegister(sample.platform, isolated, options));
  return rows.map(({ platform, emulator, native }): PlatformFinding => {
    const found = { platform: formatPlatform(platform), ...(emulator === undefined ? {} : { emulator }) };
    if (native) return { platform: found.platform, how: 'native' };
    if (emulator !== undefined && isPrivate) return { ...found, how: 'private binfmt' };
    if (hostServes(platform.architecture) && isolated !== undefined) return { ...found, how: 'host binfmt' };
    if (emulator !== undefined && works('proot')) return { ...found, how: 'proot -q' };
    if (emulator === undefined) return { ...found, how: 'none', hint: installHint(platform.architecture) };
    const hint = findProgram('proot') === undefined ? 'apt-get install proot' : 'a sandbox that works';
    return { ...found, how: 'none', hint };
  });
}

async function canRegister(
  platform: Platform,
  sandbox: Tier,
  { data, signal }: ProbeOptions,
): Promise<boolean> {
  try {
    const keeper = await startKeeper({ dataDirectory: data, platforms: [platform], sandbox, signal });
    const isPrivate = !keeper.sandbox.rejected.some(({ error }) => error.code === 'EMULATOR');
    await keeper.close();
    return isPrivate;
  } catch (error) {
    if (isFailure(error, 'EMULATOR', 'SANDBOX')) return false;
    throw error;
  }
}
