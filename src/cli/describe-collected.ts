import type { CacheEvent } from '../app/cache/cache-event.ts';
import { formatBytes } from './table.ts';

export function describeCollected(event: CacheEvent & { readonly type: 'cache-collected' }): string {
  const { removed, bytes, left } = event;
  return `cache: ${removed} ${removed === 1 ? 'item' : 'items'} removed, ${formatBytes(bytes)}; ${formatBytes(left)} left (--gc)`;
}
