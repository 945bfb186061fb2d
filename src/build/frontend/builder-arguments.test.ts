import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBuilderArguments } from './builder-arguments.ts';

const read = (buildArgs: Record<string, string>, platforms = 1) =>
  readBuilderArguments(buildArgs, { platforms });

test('build arguments that steer the builder', () => {
  assert.deepEqual(read({ A: 'b', BUILDKIT_VERSION: '1', BUILDKIT_SBOM_SCAN_STAGE: 'true' }), {
    inlineCache: false,
  });
  assert.deepEqual(read({ BUILDKIT_MULTI_PLATFORM: '1', BUILDKIT_DOCKERFILE_CHECK: 'skip=all' }), {
    inlineCache: false,
    multiPlatform: true,
    check: 'skip=all',
  });
  assert.deepEqual(read({ BUILDKIT_INLINE_CACHE: '0', BUILDKIT_SANDBOX_HOSTNAME: '' }), {
    inlineCache: false,
  });
  assert.deepEqual(read({ BUILDKIT_INLINE_CACHE: '1' }), { inlineCache: true });
  assert.throws(() => read({ BUILDKIT_SANDBOX_HOSTNAME: 'host' }), { code: 'UNSUPPORTED' });
  assert.throws(() => read({ BUILDKIT_MULTI_PLATFORM: 'maybe' }), { code: 'USAGE' });
  assert.throws(() => read({ BUILDKIT_MULTI_PLATFORM: 'false' }, 2), { code: 'USAGE' });
});
