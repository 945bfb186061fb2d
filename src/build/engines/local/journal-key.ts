import type { JournalKey } from '../../cache/journal/journal.ts';
import type { BuildRequest } from '../engine.ts';

/** Builds with the same key are compared with each other. */
export function journalKey({ context, filename, target }: BuildRequest): JournalKey {
  // What was fetched or read from standard input has no name that lasts.
  const name = context.kind === 'directory' ? context.path : '(no directory)';
  return { context: name, dockerfile: filename, ...(target !== undefined && { target }) };
}
