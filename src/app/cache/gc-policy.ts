import { parseByteSize } from '../../lib/byte-size.ts';
import { parseDuration } from '../../lib/duration.ts';
import { failure } from '../../lib/errors.ts';
import type { CacheItem } from './cache-item.ts';
import { chooseItems, freedBy } from './choose-items.ts';

/** How much of the disk, in bytes or as a share of all of it. */
export type DiskSpace = { readonly bytes: number } | { readonly percent: number; readonly maxBytes?: number };

/** What builds may leave on this machine. The defaults are BuildKit's (cmd/buildkitd/config/gcpolicy.go). */
export interface GcPolicy {
  /** So much is never taken for its age or for want of room. */
  readonly reservedSpace: DiskSpace;
  /** More than that is never kept. */
  readonly maxUsedSpace: DiskSpace;
  /** Of the disk that is to stay free, for others too. */
  readonly minFreeSpace: DiskSpace;
  /** Seconds: what nobody used for so long goes, down to `reservedSpace`. */
  readonly keepDuration: number;
}

/** Bytes of the file system that the data directory is on. */
export interface DiskFacts {
  readonly total: number;
  readonly free: number;
}

const gigabyte = 1e9;

export const defaultGcPolicy: GcPolicy = {
  reservedSpace: { percent: 10, maxBytes: 10 * gigabyte },
  maxUsedSpace: { percent: 80, maxBytes: 100 * gigabyte },
  minFreeSpace: { percent: 20 },
  keepDuration: 60 * 86_400,
};

/** Sources and cache mounts: what the step would fetch or make anew, only slower. */
const ephemeralKinds: readonly string[] = ['source', 'cache-mount'];
const ephemeralSeconds = 48 * 3600;
const ephemeralBytes = 512e6;

/** `off`: undefined. Else the defaults, changed by `max-used-space=20g,reserved-space=5%,min-free-space=10g,keep-duration=14d`. USAGE. */
export function parseGcPolicy(text: string): GcPolicy | undefined {
  if (text === 'off') return undefined;
  let policy = defaultGcPolicy;
  for (const field of text.split(',').filter(Boolean)) {
    const [name, value = ''] = field.split('=');
    if (name === 'keep-duration') {
      const keepDuration = parseDuration(value);
      if (keepDuration === undefined) throw wrong(text, `${field} is no duration`);
      policy = { ...policy, keepDuration };
      continue;
    }
    const key = spaces.get(name ?? '');
    const space = parseSpace(value);
    if (key === undefined) throw wrong(text, `there is no ${name}`);
    if (space === undefined) throw wrong(text, `${field} is neither a size nor a share of the disk`);
    policy = { ...policy, [key]: space };
  }
  return policy;
}

const spaces: ReadonlyMap<string, 'reservedSpace' | 'maxUsedSpace' | 'minFreeSpace'> = new Map([
  ['reserved-space', 'reservedSpace'],
  ['max-used-space', 'maxUsedSpace'],
  ['min-free-space', 'minFreeSpace'],
]);

function parseSpace(text: string): DiskSpace | undefined {
  const share = /^(\d{1,2}|100)%$/.exec(text)?.[1];
  if (share !== undefined) return { percent: Number(share) };
  const bytes = parseByteSize(text);
  return bytes === undefined ? undefined : { bytes };
}

function wrong(text: string, what: string): Error {
  return failure('USAGE', 'use --gc', text, what, {
    hint: '--gc off, or --gc max-used-space=20g,reserved-space=2g,min-free-space=10%,keep-duration=14d',
  });
}

/** What goes under a policy; none when all is within it. `items`: most recently used first. */
export function chooseGarbage(
  items: readonly CacheItem[],
  policy: GcPolicy,
  { disk, now }: { readonly disk: DiskFacts; readonly now: number },
): CacheItem[] {
  const reserved = bytesOf(policy.reservedSpace, disk);
  const short = Math.max(0, bytesOf(policy.minFreeSpace, disk) - disk.free);
  const room = Math.max(reserved, Math.min(bytesOf(policy.maxUsedSpace, disk), freedBy(items) - short));
  const rules = [
    chooseItems(
      items.filter(({ kind }) => ephemeralKinds.includes(kind)),
      { keepDuration: ephemeralSeconds, maxUsedSpace: ephemeralBytes, now },
    ),
    chooseItems(items, { keepDuration: policy.keepDuration, maxUsedSpace: reserved, now }),
    chooseItems(items, { maxUsedSpace: room, now }),
  ];
  return [...new Set(rules.flat())];
}

function bytesOf(space: DiskSpace, { total }: DiskFacts): number {
  if ('bytes' in space) return space.bytes;
  return Math.min((total * space.percent) / 100, space.maxBytes ?? Number.POSITIVE_INFINITY);
}
