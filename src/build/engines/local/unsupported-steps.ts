import { failure } from '../../../lib/errors.ts';
import type { Node } from '../../graph/graph.ts';

/**
 * Steps that need a root file system have no sandbox to run in yet: RUN, COPY --from, and names in --chown or USER that must be looked up.
 * Refused by name and line before anything is done.
 */
export function refuseUnsupportedSteps(roots: readonly Node[]): void {
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const input of node.inputs) visit(input);
    const what = unsupported(node);
    const [step] = node.steps;
    if (what === undefined) return;
    throw failure(
      'UNSUPPORTED',
      'build',
      step?.text ?? node.op.kind,
      `line ${step?.startLine ?? 0}: ${what} is not supported yet`,
      {
        hint: 'FROM, COPY and ADD from the context, WORKDIR and all metadata instructions are',
      },
    );
  };
  for (const root of roots) visit(root);
}

function unsupported({ op, inputs }: Node): string | undefined {
  if (op.kind === 'run') return 'RUN';
  if (op.kind === 'copy' && inputs.length > 1) return 'COPY --from';
  if (op.kind === 'copy' && named(op.chown)) return `--chown with a name ("${op.chown}")`;
  if (op.kind === 'mkdir' && named(op.user)) return `WORKDIR under a USER with a name ("${op.user}")`;
  return undefined;
}

function named(owner: string | undefined): boolean {
  return owner !== undefined && owner !== '' && !/^(root(:root)?|[0-9]+(:[0-9]+)?)$/.test(owner);
}
