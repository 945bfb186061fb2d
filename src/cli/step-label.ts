import type { Step } from '../build/graph/graph.ts';
import { printable } from '../lib/redact.ts';
import { formatPlatform } from '../oci/platform.ts';

/** Most of an instruction that is shown on one line. */
const maxTextLength = 100;

/** `[linux/amd64 build 2/4] RUN make`; a step that serves several platforms names them all. */
export function stepLabel(steps: readonly Step[]): string {
  const [first] = steps;
  if (first === undefined) return '[internal]';
  const platforms = [...new Set(steps.map((step) => formatPlatform(step.platform)))].join(',');
  const text = printable(first.text);
  const short = text.length > maxTextLength ? `${text.slice(0, maxTextLength - 1)}…` : text;
  return `[${platforms} ${first.stage} ${first.number}/${first.total}] ${short}`;
}
