import type { PushEvent } from '../app/push.ts';
import { printable } from '../lib/redact.ts';
import { formatBytes } from './table.ts';

/** One line for what happened to a content or a connection, fit for a terminal; how long a retry waits is not in it. */
export function renderTransferEvent(event: PushEvent): string {
  switch (event.type) {
    case 'blob': {
      const { descriptor, state } = event;
      return `${state.padEnd('mounted'.length)}  ${descriptor.digest}  ${formatBytes(descriptor.size)}`;
    }
    case 'retry':
      return `retry    ${event.request}: ${printable(event.reason)}`;
    case 'registry-warning':
      return `warning: ${event.registry}: ${printable(event.message)}`;
    case 'resume':
      return `resume   ${event.digest} at ${formatBytes(event.offset)}: ${printable(event.reason)}`;
  }
}
