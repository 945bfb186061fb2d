import { arch } from 'node:os';
import { failure } from '../lib/errors.ts';

/** os/architecture[/variant] as an image's config or a descriptor has it (OCI image-spec, image-index.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  /** Of the processor: Docker's manifest lists have it, OCI reserves it. */
  readonly features?: readonly string[];
}

const architectureAliases: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  i386: { architecture: '386' },
  i686: { architecture: '386' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/** Architectures of Go's table that are read as an architecture when a platform has one part only (containerd/platforms database.go). */
const architectures: ReadonlySet<string> = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mips64',
  'mips64le',
  'mipsle',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
]);
const systems: ReadonlySet<string> = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'wasi',
  'wasip1',
  'js',
]);

/** Node's name for an architecture → Go's. */
const nodeArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  loong64: 'loong64',
  ppc64: 'ppc64le',
};

/** The platform of this machine's processor under Linux: what containers run on here, also where the host system is another. */
export function hostPlatform(): Platform {
  const name = arch();
  return normalizePlatform({ os: 'linux', architecture: nodeArchitectures[name] ?? name });
}

/**
 * containerd's normal form: aliases resolved, `arm64/v8` → `arm64`, `arm` → `arm/v7`, `amd64/v1` → `amd64` (containerd/platforms database.go).
 * For comparing; an image's own spelling is never rewritten.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const alias = architectureAliases[platform.architecture.toLowerCase()];
  const architecture = alias?.architecture ?? platform.architecture.toLowerCase();
  let variant = platform.variant?.toLowerCase() || alias?.variant;
  if (architecture === 'arm64' && (variant === '8' || variant === 'v8')) variant = undefined;
  if (architecture === 'arm')
    variant = variant === undefined ? 'v7' : /^[5-8]$/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  const { variant: _spelling, ...rest } = platform;
  return { ...rest, os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** `linux/arm64/v8`, `arm64` (linux is meant), `linux` (this machine's architecture is meant). USAGE when it is no platform. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const malformed = () =>
    failure('USAGE', 'read platform', text, 'not of the form os/architecture[/variant]', {
      hint: 'linux/amd64, linux/arm64 and linux/arm/v7 are platforms',
    });
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) throw malformed();
  const [first = '', second, third] = parts;
  if (second === undefined) {
    const only = normalizePlatform({ os: 'linux', architecture: first });
    if (architectures.has(only.architecture)) return only;
    if (systems.has(first.toLowerCase())) return normalizePlatform({ ...hostPlatform(), os: first });
    throw malformed();
  }
  return normalizePlatform({
    os: first,
    architecture: second,
    ...(third === undefined ? {} : { variant: third }),
  });
}

/**
 * Whether a word that may be a platform or a reference is a platform: `linux/arm64`, `arm64`. A repository of that name is written with its
 * registry or transport.
 */
export function isKnownPlatform(text: string): boolean {
  if (!/^[a-z0-9]+(?:\/[a-z0-9_]+){0,2}$/i.test(text)) return false;
  const [first = '', second] = text.split('/');
  const { os, architecture } = normalizePlatform(
    second === undefined ? { os: 'linux', architecture: first } : { os: first, architecture: second },
  );
  return systems.has(os) && architectures.has(architecture);
}

/** `linux/arm/v7`, as spelled. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/** Same os, architecture and variant in normal form; windows' os.version too when both name one. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  const [x, y] = [normalizePlatform(a), normalizePlatform(b)];
  if (formatPlatform(x) !== formatPlatform(y)) return false;
  const [v, w] = [x['os.version'], y['os.version']];
  return v === undefined || w === undefined || v === w;
}

function level(variant: string | undefined, fallback: number): number {
  return variant === undefined ? fallback : Number.parseInt(variant.replace(/^v/, ''), 10) || fallback;
}

/**
 * Entries that run on `wanted`, best first and stable: the exact platform, then lower variants of arm (v7 → v6 → v5) and micro-levels of
 * amd64 (v3 → v2 → none). Another architecture (386 on amd64, arm on arm64) never matches: unlike containerd's `Only()`, so that a
 * missing platform is not papered over.
 */
export function matchPlatforms<T extends { readonly platform?: Platform }>(
  entries: readonly T[],
  wanted: Platform,
): T[] {
  const want = normalizePlatform(wanted);
  const fallback = want.architecture === 'arm64' ? 8 : 1;
  const rank = (entry: T): number => {
    if (entry.platform === undefined) return -1;
    const have = normalizePlatform(entry.platform);
    if (have.os !== want.os || have.architecture !== want.architecture) return -1;
    if (want['os.version'] !== undefined && have['os.version'] !== undefined) {
      const build = (version: string) => version.split('.').slice(0, 3).join('.');
      if (build(want['os.version']) !== build(have['os.version'])) return -1;
    }
    if (!['arm', 'arm64', 'amd64'].includes(want.architecture)) return have.variant === want.variant ? 1 : -1;
    const [h, w] = [level(have.variant, fallback), level(want.variant, fallback)];
    return h <= w ? h : -1;
  };
  return entries
    .map((entry, position) => ({ entry, position, rank: rank(entry) }))
    .filter((candidate) => candidate.rank >= 0)
    .sort((a, b) => b.rank - a.rank || a.position - b.position)
    .map((candidate) => candidate.entry);
}
