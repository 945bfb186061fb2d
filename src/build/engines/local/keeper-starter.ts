import { failure } from '../../../lib/errors.ts';
import { formatPlatform, hostPlatform, type Platform } from '../../../oci/platform.ts';
import type { Node } from '../../graph/graph.ts';
import type { KeeperClient } from '../../keeper/keeper-client.ts';
import { runsNatively } from '../../sandbox/emulator-table.ts';
import type { Tier } from '../../sandbox/tier.ts';
import type { BuildEvent } from '../engine.ts';

export interface KeeperStarterOptions {
  readonly dataDirectory: string;
  /** The build's final nodes: the platforms of the RUN ops that they reach decide whether the keeper emulates. */
  readonly roots: readonly Node[];
  readonly sandbox: 'auto' | Tier;
  readonly emulation: 'allow' | 'refuse';
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: BuildEvent) => void;
}

/** Starts the keeper when a step first needs a root file system, once; a build that needs none never does. */
export class KeeperStarter {
  readonly #options: KeeperStarterOptions;
  #starting: Promise<KeeperClient> | undefined;

  constructor(options: KeeperStarterOptions) {
    this.#options = options;
  }

  /** EMULATOR when a platform is refused that steps would be emulated for. */
  check(): void {
    const [first] = this.#emulated();
    if (this.#options.emulation === 'allow' || first === undefined) return;
    throw failure('EMULATOR', 'run steps for', first, 'they would be emulated, which was ruled out', {
      hint: 'leave --no-emulation out, or build that platform on a machine of its own',
    });
  }

  #emulated(): string[] {
    const platforms = runPlatforms(this.#options.roots).filter(
      (platform) => !runsNatively(platform, hostPlatform()),
    );
    return [...new Set(platforms.map(formatPlatform))];
  }

  get(): Promise<KeeperClient> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async close(): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    await started?.close();
  }

  async #start(): Promise<KeeperClient> {
    const { dataDirectory, roots, sandbox, signal, onEvent } = this.#options;
    const start = performance.now();
    // Not loaded by a build that finds every step in the cache.
    const { startKeeper } = await import('../../keeper/start-keeper.ts');
    const client = await startKeeper({ dataDirectory, platforms: runPlatforms(roots), sandbox, signal });
    onEvent({
      type: 'keeper-started',
      milliseconds: performance.now() - start,
      tier: client.sandbox.tier,
      losses: client.sandbox.losses,
      trees: client.sandbox.trees,
      emulated: this.#emulated(),
      rejected: client.sandbox.rejected.map(({ tier, error }) => ({ tier, reason: error.message })),
    });
    return client;
  }
}

function runPlatforms(roots: readonly Node[]): Platform[] {
  const platforms: Platform[] = [];
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.op.kind === 'run') platforms.push(node.op.platform);
    for (const input of node.inputs) visit(input);
  };
  for (const root of roots) visit(root);
  return platforms;
}
