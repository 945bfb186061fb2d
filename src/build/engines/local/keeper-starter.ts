import type { Platform } from '../../../oci/platform.ts';
import type { Node } from '../../graph/graph.ts';
import type { KeeperClient } from '../../keeper/keeper-client.ts';
import { startKeeper } from '../../keeper/start-keeper.ts';
import type { BuildEvent } from '../engine.ts';

export interface KeeperStarterOptions {
  readonly dataDirectory: string;
  /** The build's final nodes: the platforms of the RUN ops that they reach decide whether the keeper emulates. */
  readonly roots: readonly Node[];
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

  get(): Promise<KeeperClient> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async close(): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    await started?.close();
  }

  async #start(): Promise<KeeperClient> {
    const { dataDirectory, roots, signal, onEvent } = this.#options;
    const start = performance.now();
    const client = await startKeeper({ dataDirectory, platforms: runPlatforms(roots), signal });
    onEvent({ type: 'keeper-started', milliseconds: performance.now() - start });
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
