import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatPlatform,
  formatVersionedPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformsEqual,
} from './platform.ts';

test('platforms are read into the normal form', () => {
  const cases: Record<string, string> = {
    'linux/amd64': 'linux/amd64',
    'linux/arm64/v8': 'linux/arm64',
    'linux/aarch64': 'linux/arm64',
    'linux/arm': 'linux/arm/v7',
    'linux/armhf': 'linux/arm/v7',
    'linux/armel': 'linux/arm/v6',
    'linux/arm/6': 'linux/arm/v6',
    arm64: 'linux/arm64',
    'linux/x86_64': 'linux/amd64',
    'linux/amd64/v1': 'linux/amd64',
    'linux/amd64/v3': 'linux/amd64/v3',
    'linux/arm64/v8.0': 'linux/arm64',
    'linux/arm64/9.0': 'linux/arm64/v9',
    'linux/arm64/v8.2': 'linux/arm64/v8.2',
  };
  for (const [text, normal] of Object.entries(cases))
    assert.equal(formatPlatform(parsePlatform(text)), normal);
});

test('an operating system may have a version', () => {
  const platform = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' };
  assert.deepEqual(parsePlatform('windows(10.0.17763.1)/amd64'), platform);
  assert.equal(formatVersionedPlatform(platform), 'windows(10.0.17763.1)/amd64');
});

test('what is no platform is refused', () => {
  for (const text of [
    '',
    'nonsense',
    'a/b/c/d',
    'linux/',
    'linux//v8',
    'linux/am d64',
    'windows()/amd64',
    'windows(1',
    'windows(1)',
  ]) {
    assert.throws(() => parsePlatform(text), { code: 'USAGE' }, text);
  }
});

test('a spelling is compared in the normal form and never rewritten', () => {
  const spelled = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  assert.ok(platformsEqual(spelled, { os: 'linux', architecture: 'arm64' }));
  assert.equal('variant' in normalizePlatform(spelled), false);
  assert.equal(spelled.variant, 'v8');
});

test('each of Node’s architectures is a host', () => {
  for (const [name, platform] of [
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
    ['arm', 'linux/arm/v7'],
    ['ia32', 'linux/386'],
    ['ppc64', 'linux/ppc64le'],
    ['s390x', 'linux/s390x'],
    ['riscv64', 'linux/riscv64'],
    ['loong64', 'linux/loong64'],
    ['mipsel', 'linux/mipsle'],
  ] as const) {
    assert.equal(formatPlatform(hostPlatform(name)), platform);
  }
});
