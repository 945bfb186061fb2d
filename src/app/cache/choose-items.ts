import type { CacheItem } from './cache-item.ts';

export interface ItemChoice {
  /** Seconds: what was used within stays. Default: nothing does. */
  readonly keepDuration?: number | undefined;
  /** Bytes: the least recently used goes until no more are left. Default: what is old enough goes. */
  readonly maxUsedSpace?: number | undefined;
}

/** `items`: most recently used first. What is of no use to a later build goes before all else. */
export function chooseItems(
  items: readonly CacheItem[],
  options: ItemChoice & { readonly now: number },
): CacheItem[] {
  const { keepDuration = 0, maxUsedSpace, now } = options;
  let used = freedBy(items);
  const chosen: CacheItem[] = [];
  const oldestFirst = items.toReversed();
  const order = [
    ...oldestFirst.filter(({ kind }) => kind === 'content'),
    ...oldestFirst.filter(({ kind }) => kind !== 'content'),
  ];
  for (const item of order) {
    if (maxUsedSpace !== undefined && used <= maxUsedSpace) break;
    if (now - Date.parse(item.used) < keepDuration * 1000) continue;
    chosen.push(item);
    used -= ownSize(item);
  }
  return chosen;
}

/** Bytes that would be free without them. */
export function freedBy(items: readonly CacheItem[]): number {
  return items.reduce((sum, item) => sum + ownSize(item), 0);
}

/** Of one. */
export function ownSize({ shared, size }: CacheItem): number {
  return shared ? 0 : size;
}
