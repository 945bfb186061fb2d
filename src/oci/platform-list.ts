import { failure } from '../lib/errors.ts';
import { formatPlatform, type Platform, parsePlatform, platformsEqual } from './platform.ts';

/** The platforms of a build. */
export interface WantedPlatforms {
  /** All of them, in the order given, each once. */
  readonly platforms: readonly Platform[];
  /** Those of them that may be left out of the result where they fail. */
  readonly optional: readonly Platform[];
}

/** `linux/amd64,linux/arm64`, in any number of texts. USAGE when one is no platform. */
export function parsePlatformList(texts: readonly string[]): Platform[] {
  return words(texts)
    .filter((word) => word !== '')
    .map(parsePlatform);
}

/** As `parsePlatformList`, where `linux/riscv64?` is an optional platform. USAGE also for an empty one, and for one that is required and optional. */
export function parseWantedPlatforms(texts: readonly string[]): WantedPlatforms {
  const platforms: Platform[] = [];
  const optional: Platform[] = [];
  for (const word of words(texts)) {
    const isOptional = word.endsWith('?');
    const platform = parsePlatform(isOptional ? word.slice(0, -1) : word);
    const isAmong = (list: readonly Platform[]): boolean => list.some((one) => platformsEqual(one, platform));
    if (!isAmong(platforms)) {
      platforms.push(platform);
      if (isOptional) optional.push(platform);
    } else if (isAmong(optional) !== isOptional) {
      const name = formatPlatform(platform);
      throw failure('USAGE', 'use --platform', word, 'it is required and optional at the same time', {
        hint: `--platform ${name}, or --platform '${name}?'`,
      });
    }
  }
  return { platforms, optional };
}

function words(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(',')).map((word) => word.trim());
}
