import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlatform } from '../../oci/platform.ts';
import { listTargets, outlineTarget } from './describe-dockerfile.ts';

const platform = parsePlatform('linux/amd64');
const dockerfile = `# V is a version
ARG V=1 W
ARG U=$V
ARG BASE=$U
# one does it
FROM scratch AS One
ARG V
# X is more
ARG X=$V
ARG GIVEN=default
FROM scratch AS unused
ARG NOT
FROM --platform=$TARGETPLATFORM scratch as two
COPY --from=one /a /b
`;
const request = {
  dockerfile,
  filename: 'Dockerfile',
  platforms: [platform],
  buildPlatform: platform,
  buildArgs: { GIVEN: 'here' },
};
const resolveBase = () => Promise.reject(new Error('there is no base'));
const line = <T extends { readonly range: { readonly startLine: number } }>({ range, ...rest }: T) => ({
  ...rest,
  line: range.startLine,
});

test('targets are the stages, with what the comment above each says', () => {
  assert.deepEqual(listTargets(request).map(line), [
    { name: 'one', description: 'does it', isDefault: false, base: 'scratch', line: 6 },
    { name: 'unused', isDefault: false, base: 'scratch', line: 11 },
    { name: 'two', isDefault: true, base: 'scratch', platform: '$TARGETPLATFORM', line: 13 },
  ]);
});

test('an outline has the arguments of the stages that the target needs, with their values', async () => {
  const outline = await outlineTarget(request, { resolveBase });
  assert.equal(outline.name, 'two');
  assert.deepEqual(outline.arguments.map(line), [
    { name: 'V', value: '1', description: 'is a version', line: 2 },
    { name: 'X', value: '1', description: 'is more', line: 9 },
    { name: 'GIVEN', value: 'here', line: 10 },
  ]);
  const one = await outlineTarget({ ...request, target: 'one' }, { resolveBase });
  assert.deepEqual([one.name, one.description], ['one', 'does it']);
});
