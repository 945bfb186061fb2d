import { PolyarchError, reasonOf } from '../lib/errors.ts';
import { printable, printableLines, printableOutput } from '../lib/redact.ts';

/**
 * `error: …`, the source lines, the last output, `hint: …`; a stack trace only when asked for. Whatever an image, a registry or a file put
 * into a message cannot drive the terminal.
 */
export function renderError(error: unknown, options: { debug: boolean }): string {
  const lines: string[] = [];
  if (error instanceof PolyarchError) {
    if (error.output) lines.push(printableOutput(error.output.trimEnd()));
    if (error.excerpt) lines.push(printableLines(error.excerpt.trimEnd()));
    lines.push(`error: ${printable(error.message)}`);
    if (error.hint) lines.push(`hint: ${printable(error.hint)}`);
  } else {
    lines.push(
      `error: Cannot finish "polyarch": ${printable(reasonOf(error))}`,
      'hint: run it again with --debug and report what it shows',
    );
  }
  if (options.debug && error instanceof Error) {
    lines.push(printableLines(error.stack ?? ''));
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
      lines.push(`caused by ${printableLines(cause.stack ?? cause.message)}`);
  }
  return `${lines.join('\n')}\n`;
}
