import { PolyarchError, reasonOf } from '../lib/errors.ts';

/** `error: …`, the source lines, the last output, `hint: …`; a stack trace only when asked for. */
export function renderError(error: unknown, options: { debug: boolean }): string {
  const lines: string[] = [];
  if (error instanceof PolyarchError) {
    if (error.output) lines.push(error.output.trimEnd());
    if (error.excerpt) lines.push(error.excerpt.trimEnd());
    lines.push(`error: ${error.message}`);
    if (error.hint) lines.push(`hint: ${error.hint}`);
  } else {
    lines.push(
      `error: Cannot finish "polyarch": ${reasonOf(error)}`,
      'hint: run it again with --debug and report what it shows',
    );
  }
  if (options.debug && error instanceof Error) {
    lines.push(error.stack ?? '');
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
      lines.push(`caused by ${cause.stack ?? cause.message}`);
  }
  return `${lines.join('\n')}\n`;
}
