import { isAttestation } from '../content/select-manifest.ts';
import { failure } from '../lib/errors.ts';
import { formatPlatform, type Platform, platformsEqual } from '../oci/platform.ts';
import type { IndexDraft } from './index-draft.ts';

export interface Requirements {
  /** All of these, or nothing is published. */
  readonly require?: readonly Platform[] | undefined;
  /** These may be missing. When any are named, a platform that is in neither list is refused. */
  readonly optional?: readonly Platform[] | undefined;
}

/** Platforms of `wanted` that `draft` has no image for. */
export function missingPlatforms(draft: IndexDraft, wanted: readonly Platform[]): Platform[] {
  const there = draft.entries.flatMap((entry) =>
    isAttestation(entry) || entry.platform === undefined ? [] : [entry.platform],
  );
  return wanted.filter((platform) => !there.some((have) => platformsEqual(have, platform)));
}

/** PLATFORM_MISSING when a required one is missing; USAGE when one is there that nobody named. Another architecture never stands in. */
export function checkRequirements(target: string, draft: IndexDraft, requirements: Requirements): void {
  const { require = [], optional = [] } = requirements;
  const there = draft.entries.filter((entry) => !isAttestation(entry));
  const names = there.map((entry) => (entry.platform ? formatPlatform(entry.platform) : 'none')).join(', ');
  const missing = missingPlatforms(draft, require);
  if (missing.length > 0) {
    const list = missing.map(formatPlatform).join(', ');
    throw failure(
      'PLATFORM_MISSING',
      'publish',
      target,
      `${list} is required and missing: nothing was changed`,
      {
        hint: names === '' ? 'there is no image at all' : `there is ${names}`,
      },
    );
  }
  if (optional.length === 0) return;
  const allowed = [...require, ...optional];
  const stranger = there.find(
    ({ platform }) => platform !== undefined && !allowed.some((one) => platformsEqual(one, platform)),
  );
  if (stranger?.platform === undefined) return;
  const name = formatPlatform(stranger.platform);
  throw failure('USAGE', 'publish', target, `${name} is neither required nor optional`, {
    hint: `add it: --optional ${[...optional.map(formatPlatform), name].join(',')}`,
  });
}
