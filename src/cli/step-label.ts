import type { Step } from '../build/graph/graph.ts';
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

/** Control characters of a Dockerfile or a program must not reach the terminal's interpreter. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}
