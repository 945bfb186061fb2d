import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../lib/errors.ts';
import { formatPlatform } from './platform.ts';
import { parsePlatformList, parseWantedPlatforms } from './platform-list.ts';

test('a list is the platforms of all its texts', () => {
  const list = parsePlatformList(['linux/amd64, arm64', '', 'linux/arm/v7']);
  assert.deepEqual(list.map(formatPlatform), ['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
});

test('a question mark makes a platform optional; each is wanted once', () => {
  const { platforms, optional } = parseWantedPlatforms([
    'linux/amd64,riscv64?',
    'linux/arm/v7?,amd64,riscv64?',
  ]);
  assert.deepEqual(platforms.map(formatPlatform), ['linux/amd64', 'linux/riscv64', 'linux/arm/v7']);
  assert.deepEqual(optional.map(formatPlatform), ['linux/riscv64', 'linux/arm/v7']);
});

test('what is required and optional, or no platform, is refused', () => {
  for (const text of [
    '',
    'amd64,',
    'amd64,linux/amd64?',
    'amd64?,linux/amd64',
    '?',
    'linux/amd64??',
    'linux/?arm64',
  ]) {
    assert.throws(
      () => parseWantedPlatforms([text]),
      (error) => isFailure(error, 'USAGE'),
      text,
    );
  }
  assert.throws(
    () => parsePlatformList(['linux/amd64?']),
    (error) => isFailure(error, 'USAGE'),
  );
});
