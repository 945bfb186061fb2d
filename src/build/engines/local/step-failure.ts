import { PolyarchError } from '../../../lib/errors.ts';
import { excerptOf, type Source } from '../../dockerfile/source.ts';
import type { Node } from '../../graph/graph.ts';

/** The same failure with the Dockerfile's lines of the step that it happened in. */
export function withExcerpt(error: unknown, node: Node, source: Source): unknown {
  const [step] = node.steps;
  if (!(error instanceof PolyarchError) || error.excerpt !== undefined || step === undefined) return error;
  if (error.code === 'INTERRUPTED') return error;
  const { code, message, hint, retryable, output, cause } = error;
  return new PolyarchError(code, message, {
    hint,
    retryable,
    output,
    cause,
    excerpt: excerptOf(source, step),
  });
}
