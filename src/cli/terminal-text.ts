import { printableLines } from '../lib/redact.ts';

/** Text that has fields of an image in it: as it is on a pipe; on a terminal, control characters of the fields become spaces. */
export function terminalText(text: string, isTerminal = process.stdout.isTTY): string {
  return isTerminal ? printableLines(text) : text;
}
