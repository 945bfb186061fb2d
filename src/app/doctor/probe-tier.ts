import type { SandboxReport } from '../../build/keeper/keeper-client.ts';
import type { TreesReport } from '../../build/keeper/protocol.ts';
import { startKeeper } from '../../build/keeper/start-keeper.ts';
import type { Tier } from '../../build/sandbox/tier.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import { hostPlatform } from '../../oci/platform.ts';

export interface TierFinding {
  readonly tier: Tier;
  readonly works: boolean;
  /** A build takes it only where it is named. */
  readonly onlyWhenNamed?: true;
  /** Why it does not work, or not as it does elsewhere. */
  readonly reason?: string;
  /** The command that mends it. */
  readonly hint?: string;
  /** What does not work, or works differently, in it. */
  readonly losses: readonly string[];
  /** How trees of files are made in it; absent when it does not work. */
  readonly trees?: TreesReport;
}

export interface ProbeOptions {
  /** A data directory for tries alone. */
  readonly data: string;
  readonly signal: AbortSignal | undefined;
}

/** A program that is nowhere: a sandbox that gets as far as to say so has mounted, entered and looked. */
const nothing = '/nothing';
const notFound = 127;

export async function probeTier(tier: Tier, { data, signal }: ProbeOptions): Promise<TierFinding> {
  const platform = hostPlatform();
  try {
    const keeper = await startKeeper({ dataDirectory: data, platforms: [platform], sandbox: tier, signal });
    try {
      const request = {
        tree: [],
        platform,
        args: [nothing],
        env: [],
        cwd: '/',
        user: '',
        hostname: 'doctor',
      };
      let said = '';
      const listen = (chunk: Buffer): void => {
        said += chunk;
      };
      const { exitCode } = await keeper.run({ ...request, network: 'host' }, { signal, stderr: listen });
      const { losses, trees } = keeper.sandbox;
      // proot has an exit code of its own for it.
      return exitCode === notFound || tier === 'proot'
        ? { tier, works: true, ...lessThanElsewhere(keeper.sandbox), losses, trees }
        : { tier, works: false, losses, reason: said.trim() || `a try ended with ${exitCode}` };
    } finally {
      await keeper.close();
    }
  } catch (error) {
    if (!isFailure(error) || error.code === 'INTERRUPTED') throw error;
    return {
      tier,
      works: false,
      losses: [],
      reason: reasonOf(error),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
}

/** What is in the way of the rest of it. */
function lessThanElsewhere({ onlyWhenNamed, rejected }: SandboxReport): Partial<TierFinding> {
  const [first] = rejected;
  if (!onlyWhenNamed || first === undefined) return {};
  const { hint } = first.error;
  return { onlyWhenNamed, reason: reasonOf(first.error), ...(hint === undefined ? {} : { hint }) };
}
