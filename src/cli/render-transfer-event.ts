import type { PushEvent } from '../app/push.ts';
import { formatBytes } from './table.ts';

/** One line for what happened to a content or a connection. */
export function renderTransferEvent(event: PushEvent): string {
  switch (event.type) {
    case 'blob': {
      const { descriptor, state } = event;
      return `${state.padEnd('mounted'.length)}  ${descriptor.digest}  ${formatBytes(descriptor.size)}`;
    }
    case 'retry': {
      const seconds = (event.delayMs / 1000).toFixed(1);
      return `retry    ${event.request}: ${event.reason}; again in ${seconds} s`;
    }
    case 'registry-warning':
      return `warning: ${event.registry}: ${event.message}`;
    case 'resume':
      return `resume   ${event.digest} at ${formatBytes(event.offset)}: ${event.reason}`;
  }
}
