import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { type Tier, tiers } from '../../build/sandbox/tier.ts';
import { removeTree } from '../../build/snapshot/remove-tree.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { failure, reasonOf } from '../../lib/errors.ts';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import { readMachineFacts } from './machine-facts.ts';
import { type Limit, machineLimits } from './machine-limits.ts';
import { type PlatformFinding, probePlatforms } from './probe-platforms.ts';
import { probeTier, type TierFinding } from './probe-tier.ts';

export interface DoctorReport {
  readonly machine: { readonly platform: string; readonly kernel: string; readonly user: string };
  /** In the order in which a build tries them. */
  readonly tiers: readonly TierFinding[];
  /** What a build takes by itself. */
  readonly chosen?: Tier;
  readonly platforms: readonly PlatformFinding[];
  readonly limits: readonly Limit[];
}

export interface DoctorOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tries every sandbox on this machine for real, each in a data directory of its own, and tells what mends those that do not work. */
export async function examineMachine(options: DoctorOptions = {}): Promise<DoctorReport> {
  const env = options.env ?? process.env;
  const { signal } = options;
  const data = makeScratch(dataDirectory(env));
  try {
    const found: TierFinding[] = [];
    for (const tier of tiers) found.push(await probeTier(tier, { data, signal }));
    const chosen = found.find(({ works, onlyWhenNamed }) => works && !onlyWhenNamed)?.tier;
    return {
      machine: {
        platform: formatPlatform(hostPlatform()),
        kernel: release(),
        user: process.getuid?.() === 0 ? 'root' : `${process.getuid?.()}`,
      },
      tiers: found,
      ...(chosen === undefined ? {} : { chosen }),
      platforms: await probePlatforms(found, { data, signal }),
      limits: machineLimits(readMachineFacts(data, { mounts: chosen === 'oci' || chosen === 'chroot' })),
    };
  } finally {
    removeTree(data);
  }
}

/** On the file system of the real data directory: what can be mounted depends on it. */
function makeScratch(data: string): string {
  try {
    mkdirSync(data, { recursive: true });
    return mkdtempSync(join(realpathSync(data), 'doctor-'));
  } catch (error) {
    throw failure('STORE', 'write to', data, reasonOf(error), {
      hint: 'name a data directory that can be written with POLYARCH_HOME',
      cause: error,
    });
  }
}
