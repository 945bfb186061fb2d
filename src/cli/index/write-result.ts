import type { IndexEvent } from '../../app/index/index-options.ts';
import type { WrittenIndex } from '../../app/index/written-index.ts';
import { printable } from '../../lib/redact.ts';
import { tellTransferEvent } from '../tell-transfer-event.ts';
import { terminalDocument } from '../terminal-text.ts';
import { writeMetadata } from '../write-metadata.ts';
import { renderWritten } from './render-written.ts';

export interface ResultFlags {
  readonly dryRun?: true;
  readonly quiet?: true;
  readonly metadataFile?: string;
}

/** Progress goes to stderr, a line each, unless only the digest is wanted. */
export function eventWriter(flags: Pick<ResultFlags, 'quiet'>): (event: IndexEvent) => void {
  return (event) => {
    if (!flags.quiet) tellTransferEvent(event);
  };
}

/**
 * A dry run's stdout is the exact bytes that would be pushed, so that `| sha256sum` gives the digest, which stands on stderr. Else a table
 * and where the index is, or the digest alone.
 */
export async function writeResult(written: WrittenIndex, flags: ResultFlags): Promise<void> {
  for (const warning of written.warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
  if (flags.metadataFile !== undefined) {
    await writeMetadata(flags.metadataFile, { root: written, references: written.references });
  }
  if (flags.dryRun) {
    process.stdout.write(terminalDocument(written.bytes));
    process.stderr.write(`${written.mediaType}\n${written.digest}\n`);
    return;
  }
  process.stdout.write(flags.quiet ? `${written.digest}\n` : renderWritten(written));
}
