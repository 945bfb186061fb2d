import { failure } from '../lib/errors.ts';
import { formatPlatform, normalizePlatform, type Platform, parsePlatform } from '../oci/platform.ts';

/** Go's `go tool dist list`, with what container platforms have besides. */
const known: Readonly<Record<string, readonly string[]>> = {
  aix: ['ppc64'],
  android: ['386', 'amd64', 'arm', 'arm64'],
  darwin: ['386', 'amd64', 'arm', 'arm64'],
  dragonfly: ['amd64'],
  freebsd: ['386', 'amd64', 'arm', 'arm64', 'riscv64'],
  illumos: ['amd64'],
  ios: ['amd64', 'arm64'],
  js: ['wasm'],
  linux: [
    ...['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips', 'mips64', 'mips64le', 'mipsle'],
    ...['ppc64', 'ppc64le', 'riscv64', 's390x', 'sparc64', 'wasm'],
  ],
  netbsd: ['386', 'amd64', 'arm', 'arm64'],
  openbsd: ['386', 'amd64', 'arm', 'arm64', 'mips64', 'ppc64', 'riscv64'],
  plan9: ['386', 'amd64', 'arm'],
  solaris: ['amd64'],
  wasi: ['wasm'],
  wasip1: ['wasm'],
  windows: ['386', 'amd64', 'arm', 'arm64'],
};

/** Whether anything is known to run on it. What is not may be meant all the same: it gets a warning, never a refusal. */
export function isKnownPlatform(platform: Platform): boolean {
  const { os, architecture } = normalizePlatform(platform);
  return Object.hasOwn(known, os) && (known[os]?.includes(architecture) ?? false);
}

/** `os/architecture[/variant]` as it is written, not in normal form; one word alone is read as `parsePlatform` does. USAGE. */
export function spelledPlatform(text: string): Platform {
  const [os = '', architecture, variant, ...more] = text.split('/');
  if (architecture === undefined) return parsePlatform(text);
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (more.length > 0 || parts.some((part) => !/^[\w.+-]{1,100}$/.test(part))) {
    throw failure('USAGE', 'read platform', text, 'not of the form os/architecture[/variant]', {
      hint: 'linux/amd64, linux/arm64 and linux/arm/v7 are platforms',
    });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/**
 * Equal for two entries that a runtime cannot choose between: the platform in normal form, with the os.version and os.features that
 * tell Windows images apart.
 */
export function platformKey(platform: Platform): string {
  const normal = normalizePlatform(platform);
  const features = [...(platform['os.features'] ?? [])].sort();
  return [formatPlatform(normal), platform['os.version'] ?? '', ...features].join(' ').trim();
}

/** `windows/amd64 10.0.17763.2300`: as spelled, with what else tells it apart. */
export function describePlatform(platform: Platform | undefined): string {
  if (platform === undefined) return 'no platform';
  const features = platform['os.features'] ?? [];
  const version = platform['os.version'];
  return [
    formatPlatform(platform),
    ...(version === undefined ? [] : [version]),
    ...(features.length === 0 ? [] : [`(${features.join(', ')})`]),
  ].join(' ');
}
