import type { LeftOutPlatform } from '../app/build.ts';
import { printable } from '../lib/redact.ts';
import { formatPlatform } from '../oci/platform.ts';

/** Why an optional platform is not in the result: the last lines of output, the Dockerfile's, then what failed. */
export function describeLeftOut({ platform, error }: LeftOutPlatform): string[] {
  const lines = [error.output, error.excerpt].flatMap((text) => text?.trimEnd().split('\n') ?? []);
  return [
    ...lines.map(printable),
    `warning: ${formatPlatform(platform)} is optional and left out: ${printable(error.message)}`,
    ...(error.hint === undefined ? [] : [`hint: ${printable(error.hint)}`]),
  ];
}
