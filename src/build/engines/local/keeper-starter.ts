import { failure, isFailure, type PolyarchError } from '../../../lib/errors.ts';
import { formatPlatform, hostPlatform, type Platform, platformsEqual } from '../../../oci/platform.ts';
import type { Node } from '../../graph/graph.ts';
import type { KeeperClient } from '../../keeper/keeper-client.ts';
import type { StepResources } from '../../sandbox/cgroups/step-resources.ts';
import { runsNatively } from '../../sandbox/emulator-table.ts';
import type { Tier } from '../../sandbox/tier.ts';
import type { BuildEvent } from '../engine.ts';

export interface KeeperStarterOptions {
  readonly dataDirectory: string;
  /** The build's final nodes: the platforms of the RUN ops that they reach decide whether the keeper emulates. */
  readonly roots: readonly Node[];
  /** Those of them that the build cannot do without. Default: all. */
  readonly required?: readonly Node[];
  readonly sandbox: 'auto' | Tier;
  readonly resources?: StepResources | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: BuildEvent) => void;
}

/** Starts the keeper when a step first needs a root file system, once; a build that needs none never does. */
export class KeeperStarter {
  readonly #options: KeeperStarterOptions;
  /** By name: why this machine cannot run an optional platform's steps. */
  readonly #unable = new Map<string, PolyarchError>();
  #starting: Promise<KeeperClient> | undefined;

  constructor(options: KeeperStarterOptions) {
    this.#options = options;
  }

  /** `platform`: whose programs it is to run. EMULATOR where that is an optional one and the keeper had to do without. */
  async get(platform?: Platform): Promise<KeeperClient> {
    this.#starting ??= this.#start();
    const client = await this.#starting;
    const unable = platform && this.#unable.get(formatPlatform(platform));
    if (unable !== undefined) throw unable;
    return client;
  }

  async close(): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    await started?.close();
  }

  async #start(): Promise<KeeperClient> {
    const { roots, onEvent } = this.#options;
    const start = performance.now();
    const client = await this.#startForMost(runPlatforms(roots));
    onEvent({
      type: 'keeper-started',
      milliseconds: performance.now() - start,
      tier: client.sandbox.tier,
      losses: client.sandbox.losses,
      trees: client.sandbox.trees,
      emulated: emulatedPlatforms(roots).filter((name) => !this.#unable.has(name)),
      rejected: client.sandbox.rejected.map(({ tier, error }) => ({ tier, reason: error.message })),
    });
    return client;
  }

  /** For all platforms; else for all that have an emulator, then for those alone that are required. */
  async #startForMost(platforms: readonly Platform[]): Promise<KeeperClient> {
    const { dataDirectory, sandbox, resources, signal, roots, required = roots } = this.#options;
    // Not loaded by a build that finds every step in the cache.
    const { startKeeper } = await import('../../keeper/start-keeper.ts');
    try {
      return await startKeeper({ dataDirectory, platforms, sandbox, resources, signal });
    } catch (error) {
      const needed = runPlatforms(required);
      const fewer = [await withEmulator(platforms, needed), needed].find(
        ({ length }) => length < platforms.length,
      );
      if (!isFailure(error, 'EMULATOR', 'SANDBOX') || fewer === undefined) throw error;
      for (const platform of platforms) {
        if (!isAmong(fewer, platform)) this.#unable.set(formatPlatform(platform), error);
      }
      return await this.#startForMost(fewer);
    }
  }
}

function isAmong(platforms: readonly Platform[], platform: Platform): boolean {
  return platforms.some((one) => platformsEqual(one, platform));
}

/** `needed`, and those of the others that an emulator or registration is there for. */
async function withEmulator(
  platforms: readonly Platform[],
  needed: readonly Platform[],
): Promise<readonly Platform[]> {
  const { planEmulation } = await import('../../sandbox/emulators.ts');
  const kept = [...needed];
  for (const platform of platforms) {
    if (isAmong(kept, platform)) continue;
    try {
      planEmulation([...kept, platform]);
      kept.push(platform);
    } catch (error) {
      if (!isFailure(error, 'EMULATOR')) throw error;
    }
  }
  return kept;
}

/** EMULATOR when steps would be emulated and that is refused. */
export function checkEmulation(roots: readonly Node[], emulation: 'allow' | 'refuse'): void {
  const [first] = emulatedPlatforms(roots);
  if (emulation === 'allow' || first === undefined) return;
  throw failure('EMULATOR', 'run steps for', first, 'they would be emulated, which was ruled out', {
    hint: 'leave --no-emulation out, or build that platform on a machine of its own',
  });
}

function emulatedPlatforms(roots: readonly Node[]): string[] {
  const host = hostPlatform();
  return runPlatforms(roots)
    .filter((platform) => !runsNatively(platform, host))
    .map(formatPlatform);
}

/** The platforms of the RUN ops below, each once. */
function runPlatforms(roots: readonly Node[]): readonly Platform[] {
  const platforms = new Map<string, Platform>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.op.kind === 'run') platforms.set(formatPlatform(node.op.platform), node.op.platform);
    for (const input of node.inputs) visit(input);
  };
  for (const root of roots) visit(root);
  return [...platforms.values()];
}
