import type { Node } from '../../graph/graph.ts';

/** Whether a step may read more of a tree than its table of contents: RUN, COPY from a stage, and what looks an owner's name up. */
export function readsTrees(roots: readonly Node[]): boolean {
  const seen = new Set<Node>();
  const reads = (node: Node): boolean => {
    if (seen.has(node)) return false;
    seen.add(node);
    return readsTree(node) || node.inputs.some(reads);
  };
  return roots.some(reads);
}

function readsTree({ op, inputs }: Node): boolean {
  switch (op.kind) {
    case 'run':
      return true;
    case 'copy':
      return inputs.length > 1 || op.chown !== undefined;
    case 'mkdir':
      return op.user !== '';
    default:
      return false;
  }
}
