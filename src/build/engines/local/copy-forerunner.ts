import type { Node } from '../../graph/graph.ts';
import type { CopyOp } from '../../graph/op.ts';
import type { CopyExecutor } from '../../ops/copy-executor.ts';

export interface CopyForerunnerOptions {
  readonly roots: readonly Node[];
  readonly copy: Pick<CopyExecutor, 'writeAhead' | 'removeAhead'>;
  readonly signal: AbortSignal | undefined;
}

interface Candidate {
  readonly op: CopyOp;
  /** What WORKDIRs make below it. */
  readonly directories: readonly string[];
}

/**
 * Has the layers of COPYs from contexts written while the steps below them are still under way: a base whose names are being read, or RUNs. One after
 * another, so that the steps themselves are not kept waiting. Only copies into WORKDIRs: of other directories nothing can be assumed.
 */
export class CopyForerunner {
  readonly #options: CopyForerunnerOptions;
  readonly #stopping = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(options: CopyForerunnerOptions) {
    this.#options = options;
  }

  /** A step was not found in the cache. */
  onMiss(): void {
    this.#writing ??= this.#write();
  }

  /** Gives up what no step has asked for; settles when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#writing;
    await this.#options.copy.removeAhead();
  }

  async #write(): Promise<void> {
    const { roots, copy, signal: outer } = this.#options;
    const own = this.#stopping.signal;
    const signal = outer ? AbortSignal.any([outer, own]) : own;
    for (const { op, directories } of candidates(roots)) {
      if (signal.aborted) return;
      // Its step does it again, and fails by its own name.
      await copy.writeAhead(op, directories, { signal }).catch(() => {});
    }
  }
}

/** Those below first. */
function candidates(roots: readonly Node[]): Candidate[] {
  const found: Candidate[] = [];
  const visited = new Set<Node>();
  const visit = (node: Node): void => {
    if (visited.has(node)) return;
    visited.add(node);
    for (const input of node.inputs) visit(input);
    if (node.op.kind !== 'copy' || node.inputs.length !== 1 || node.op.link || !waits(node)) return;
    const directories = workDirectories(node);
    const destination = node.op.destination.replace(/\/+$/, '');
    if (directories.some((path) => `${destination}/`.startsWith(`${path}/`)))
      found.push({ op: node.op, directories });
  };
  for (const root of roots) visit(root);
  return found;
}

/** Something below it takes its time. */
function waits(node: Node): boolean {
  for (let below = node.inputs[0]; below !== undefined; below = below.inputs[0])
    if (below.op.kind === 'run' || (below.op.kind === 'base' && below.op.layers.length > 0)) return true;
  return false;
}

function workDirectories(node: Node): string[] {
  const directories: string[] = [];
  for (let below = node.inputs[0]; below !== undefined; below = below.inputs[0])
    if (below.op.kind === 'mkdir' && below.op.user === '') directories.push(below.op.path);
  return directories;
}
