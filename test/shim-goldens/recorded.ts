import { join } from 'node:path';
import type { StepOutcome } from './run-session.ts';

/** What a tool was seen to do, by session and command line; ours beside it where it differs on purpose. */
export interface RecordedTool {
  readonly peer: string;
  readonly sessions: Readonly<
    Record<string, Readonly<Record<string, { readonly peer: StepOutcome; readonly ours?: StepOutcome }>>>
  >;
}

export function recordedFile(tool: string): string {
  return join(import.meta.dirname, '../goldens/shims', `${tool}.json`);
}
