import { printableLines } from '../lib/redact.ts';

/** Text that has fields of an image in it: as it is on a pipe; on a terminal, control characters of the fields become spaces. */
export function terminalText(text: string, isTerminal = process.stdout.isTTY): string {
  return isTerminal ? printableLines(text) : text;
}

/** The exact bytes of a document on a pipe; on a terminal its text, without what a terminal obeys. */
export function terminalDocument(bytes: Uint8Array, isTerminal = process.stdout.isTTY): Uint8Array | string {
  return isTerminal ? printableLines(Buffer.from(bytes).toString('utf8')) : bytes;
}
