import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatPlatform,
  matchPlatforms,
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
  };
  for (const [text, normal] of Object.entries(cases))
    assert.equal(formatPlatform(parsePlatform(text)), normal);
});

test('what is no platform is refused', () => {
  for (const text of ['', 'nonsense', 'a/b/c/d', 'linux/', 'linux//v8', 'linux/am d64']) {
    assert.throws(() => parsePlatform(text), { code: 'USAGE' }, text);
  }
});

test('a spelling is compared in the normal form and never rewritten', () => {
  const spelled = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  assert.ok(platformsEqual(spelled, { os: 'linux', architecture: 'arm64' }));
  assert.equal('variant' in normalizePlatform(spelled), false);
  assert.equal(spelled.variant, 'v8');
});

test('the best entry comes first, another architecture never', () => {
  const entries = [
    'linux/arm/v5',
    'linux/arm/v6',
    'linux/amd64',
    'linux/amd64/v3',
    'linux/386',
    'linux/arm64',
  ].map((text) => ({
    text,
    platform: parsePlatform(text),
  }));
  const best = (wanted: string) => matchPlatforms(entries, parsePlatform(wanted)).map((entry) => entry.text);
  assert.deepEqual(best('linux/arm/v7'), ['linux/arm/v6', 'linux/arm/v5']);
  assert.deepEqual(best('linux/amd64'), ['linux/amd64']);
  assert.deepEqual(best('linux/amd64/v4'), ['linux/amd64/v3', 'linux/amd64']);
  assert.deepEqual(best('linux/arm64'), ['linux/arm64']);
  assert.deepEqual(best('linux/s390x'), []);
});
