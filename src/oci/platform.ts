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
  mipsel: 'mipsle',
  ppc64: 'ppc64le',
};

/** The platform of this machine's processor under Linux: what containers run on here, also where the host system is another. `name`: Node's, of the architecture. */
export function hostPlatform(name: string = arch()): Platform {
  return normalizePlatform({ os: 'linux', architecture: nodeArchitectures[name] ?? name });
}

/**
 * containerd's normal form: aliases resolved, `arm64/v8` → `arm64`, `arm64/9.0` → `arm64/v9`, `arm` → `arm/v7`, `amd64/v1` → `amd64` (containerd/platforms database.go).
 * For comparing; an image's own spelling is never rewritten.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const alias = architectureAliases[platform.architecture.toLowerCase()];
  const architecture = alias?.architecture ?? platform.architecture.toLowerCase();
  let variant = platform.variant?.toLowerCase() || alias?.variant;
  if (architecture === 'arm64' && /^v?[89](?:\.0)?$/.test(variant ?? ''))
    variant = variant?.includes('9') ? 'v9' : undefined;
  if (architecture === 'arm')
    variant = variant === undefined ? 'v7' : /^[5-8]$/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  const { variant: _spelling, ...rest } = platform;
  return { ...rest, os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/**
 * `linux/arm64/v8`, `arm64` (linux is meant), `linux` (this machine's architecture is meant), `windows(10.0.17763.1)/amd64` with a version as
 * containerd writes it. USAGE when it is no platform.
 */
export function parsePlatform(text: string): Platform {
  const versioned = /^([A-Za-z0-9_.-]+)\(([A-Za-z0-9_.-]{1,100})\)(\/.*)$/.exec(text);
  if (versioned) {
    const [, os = '', version = '', rest = ''] = versioned;
    return { ...parsePlatform(`${os}${rest}`), 'os.version': version };
  }
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

/** `windows(10.0.17763.1)/amd64`: with its system's version, where it has one, as containerd writes it and `parsePlatform` reads it. */
export function formatVersionedPlatform(platform: Platform): string {
  const { os, 'os.version': version } = platform;
  return formatPlatform(version ? { ...platform, os: `${os}(${version})` } : platform);
}

/** Same os, architecture and variant in normal form; windows' os.version too when both name one. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  const [x, y] = [normalizePlatform(a), normalizePlatform(b)];
  if (formatPlatform(x) !== formatPlatform(y)) return false;
  const [v, w] = [x['os.version'], y['os.version']];
  return v === undefined || w === undefined || v === w;
}
