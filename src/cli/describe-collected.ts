import type { CacheEvent } from '../app/cache/cache-event.ts';
import { counted } from './counted.ts';
import { formatBytes } from './table.ts';

export function describeCollected(event: CacheEvent & { readonly type: 'cache-collected' }): string {
  const { removed, bytes, left } = event;
  return `cache: ${counted(removed, 'item')} removed, ${formatBytes(bytes)}; ${formatBytes(left)} left (--gc)`;
}
