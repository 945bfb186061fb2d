import type { PushEvent } from '../app/push.ts';
import { errorLines } from './live-lines.ts';
import { renderTransferEvent } from './render-transfer-event.ts';

/** A line on standard error for what happened to a content or a connection; a wait counts down on a terminal. */
export function tellTransferEvent(event: PushEvent, prefix = ''): void {
  const line = `${prefix}${renderTransferEvent(event)}`;
  if (event.type === 'retry') errorLines.wait(line, event.delayMs);
  else errorLines.write(line);
}
