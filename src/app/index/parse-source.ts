import { spelledPlatform } from '../../index/platform-spelling.ts';
import { failure } from '../../lib/errors.ts';
import { type Location, parseLocation } from '../../oci/location.ts';
import type { Platform } from '../../oci/platform.ts';

/** A source as it is typed: where it is, and what its platform is said to be. */
export interface SourceArgument {
  readonly text: string;
  readonly location: Location;
  readonly override?: Partial<Platform>;
}

const fields =
  '(?:platform|os|arch|architecture|variant|os\\.version|os-version|os\\.features|os-features|features)';
const suffix = new RegExp(`@(${fields}=.*)$`, 's');

/**
 * `SOURCE`, or `SOURCE@platform=linux/arm/v7,os.version=…`: fields are platform, os, arch, variant, os.version, os.features and features;
 * the last two take several values with `+` between them. USAGE.
 */
function parseSource(text: string): SourceArgument {
  const found = suffix.exec(text);
  if (found === null) return { text, location: parseLocation(text) };
  const name = text.slice(0, found.index);
  const override = parseOverride(found[1] ?? '', text);
  return { text: name, location: parseLocation(name), override };
}

function parseOverride(list: string, text: string): Partial<Platform> {
  let override: Partial<Platform> = {};
  for (const field of list.split(',')) {
    const equals = field.indexOf('=');
    const [key, value] = equals === -1 ? [field, ''] : [field.slice(0, equals), field.slice(equals + 1)];
    override = { ...override, ...overrideField(key, value, text) };
  }
  return override;
}

function overrideField(key: string, value: string, text: string): Partial<Platform> {
  if (value === '') throw failure('USAGE', 'read', text, `"${key}" has no value`, { hint: `${key}=…` });
  switch (key) {
    case 'platform':
      return spelledPlatform(value);
    case 'os':
      return { os: value };
    case 'arch':
    case 'architecture':
      return { architecture: value };
    case 'variant':
      return { variant: value };
    case 'os.version':
    case 'os-version':
      return { 'os.version': value };
    case 'os.features':
    case 'os-features':
      return { 'os.features': value.split('+') };
    case 'features':
      return { features: value.split('+') };
    default:
      throw failure('USAGE', 'read', text, `"${key}" is no field of a platform`, {
        hint: 'platform, os, arch, variant, os.version, os.features and features are',
      });
  }
}

/** All sources; `platform` is the one source's, in place of its config's. USAGE when there are several. */
export function parseSources({
  sources,
  platform,
}: {
  readonly sources: readonly string[];
  readonly platform?: string | undefined;
}): SourceArgument[] {
  const parsed = sources.map(parseSource);
  if (platform === undefined) return parsed;
  const [only] = parsed;
  if (only === undefined || parsed.length > 1) {
    throw failure(
      'USAGE',
      'use --platform',
      platform,
      `it is for one source, and there are ${parsed.length}`,
      {
        hint: `SOURCE@platform=${platform} says it of one of them`,
      },
    );
  }
  return [{ ...only, override: { ...spelledPlatform(platform), ...only.override } }];
}
