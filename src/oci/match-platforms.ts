import { normalizePlatform, type Platform } from './platform.ts';

/** From this build on (Windows Server 2022) a host runs images of other builds: those from this one up to its own. */
const stableWindowsBuild = 20348;

/**
 * Variants of `wanted`'s architecture that its processor runs, best first, in normal form (containerd/platforms compare.go): lower versions of
 * arm down to v5, micro-levels of amd64, minor versions of arm64. arm64 v9.N has all of v8.N+5. One that is no version stands for itself.
 */
export function runnableVariants({ architecture, variant }: Platform): readonly (string | undefined)[] {
  if (architecture === 'arm') {
    const version = /^v(\d)$/.exec(variant ?? '')?.[1];
    return version === undefined ? [variant] : countDown(Number(version), 5).map((number) => `v${number}`);
  }
  if (architecture === 'amd64') {
    const level = variant === undefined ? '1' : /^v([1-9])$/.exec(variant)?.[1];
    if (level === undefined) return [variant];
    return countDown(Number(level), 1).map((number) => (number === 1 ? undefined : `v${number}`));
  }
  if (architecture === 'arm64') {
    const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant ?? 'v8') ?? [];
    if (major === '8') return armMinors(8, Number(minor));
    if (major === '9') return [...armMinors(9, Number(minor)), ...armMinors(8, Number(minor) + 5)];
  }
  return [variant];
}

function armMinors(major: 8 | 9, minor: number): (string | undefined)[] {
  const plain = major === 8 ? undefined : `v${major}`;
  return countDown(minor, 0).map((number) => (number === 0 ? plain : `v${major}.${number}`));
}

/** `from` itself, too, where it is below `to`. */
function countDown(from: number, to: number): number[] {
  return Array.from({ length: Math.max(from - to, 0) + 1 }, (_, step) => from - step);
}

/**
 * Whether a Windows host of version `host` runs an image of version `image` (containerd/platforms platform_windows_compat.go): the same
 * build, and from Server 2022 on that build up to the host's own. True where either says none.
 */
export function windowsRuns(host: string | undefined, image: string | undefined): boolean {
  const [own, its] = [windowsVersion(host), windowsVersion(image)];
  if (own === undefined || image === undefined || image === '') return true;
  if (its === undefined || own.major !== its.major || own.minor !== its.minor) return false;
  if (own.build < stableWindowsBuild) return own.build === its.build;
  return its.build >= stableWindowsBuild && its.build <= own.build;
}

function windowsVersion(text = ''): { major: number; minor: number; build: number } | undefined {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\.|$)/.exec(text);
  return found === null
    ? undefined
    : { major: Number(found[1]), minor: Number(found[2]), build: Number(found[3]) };
}

function compareVersions(a = '', b = ''): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let part = 0; part < Math.max(x.length, y.length); part++) {
    const difference = (x[part] ?? 0) - (y[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Entries that run on `wanted`, best first and stable: the exact platform, then `runnableVariants`; of Windows' images the newest that
 * `wanted`'s version runs. Another architecture (386 on amd64, arm on arm64) never matches: unlike containerd's `Only()`, so that a
 * missing platform is not papered over.
 */
export function matchPlatforms<T extends { readonly platform?: Platform }>(
  entries: readonly T[],
  wanted: Platform,
): T[] {
  const want = normalizePlatform(wanted);
  const variants = runnableVariants(want);
  const versioned = want.os === 'windows' && Boolean(want['os.version']);
  const found = entries.flatMap((entry, position) => {
    if (entry.platform === undefined) return [];
    const have = normalizePlatform(entry.platform);
    const rank = variants.indexOf(have.variant);
    if (have.os !== want.os || have.architecture !== want.architecture || rank === -1) return [];
    const version = versioned ? have['os.version'] : undefined;
    return versioned && !windowsRuns(want['os.version'], version) ? [] : [{ entry, position, rank, version }];
  });
  return found
    .sort((a, b) => a.rank - b.rank || compareVersions(b.version, a.version) || a.position - b.position)
    .map(({ entry }) => entry);
}
