import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../lib/errors.ts';
import { parseSpec } from './parse-spec.ts';
import { specFromArguments } from './push-spec.ts';

test('the sample of manifest-tool’s own documentation', async () => {
  const spec = await parseSpec(
    [
      'image: myprivreg:5000/someimage:latest',
      'tags: ["1.0.0", "1.0", "1"]',
      'manifests:',
      '  -',
      '    image: myprivreg:5000/someimage:arm64',
      '    platform:',
      '      architecture: arm64',
      '      os: linux',
      '  -',
      '    image: myprivreg:5000/someimage:amd64',
      '    platform:',
      '      architecture: amd64',
      '      os: linux',
    ].join('\n'),
    'someimage.yaml',
  );
  assert.deepEqual(spec, {
    image: 'myprivreg:5000/someimage:latest',
    tags: ['1.0.0', '1.0', '1'],
    annotations: {},
    manifests: [
      { image: 'myprivreg:5000/someimage:arm64', platform: { architecture: 'arm64', os: 'linux' } },
      { image: 'myprivreg:5000/someimage:amd64', platform: { architecture: 'amd64', os: 'linux' } },
    ],
  });
});

test('every field of a platform, annotations, and numbers that are meant as texts', async () => {
  const spec = await parseSpec(
    'image: a\ntags: [1]\nannotations: {k: v, n: 2}\nmanifests: [{image: b, platform: {os: windows, architecture: amd64, variant: v8, osversion: 10.0.17763.1, osfeatures: [win32k]}}, {image: c}]',
    'x',
  );
  assert.deepEqual(spec.tags, ['1']);
  assert.deepEqual(spec.annotations, { k: 'v', n: '2' });
  assert.deepEqual(spec.manifests, [
    {
      image: 'b',
      platform: {
        os: 'windows',
        architecture: 'amd64',
        variant: 'v8',
        'os.version': '10.0.17763.1',
        'os.features': ['win32k'],
      },
    },
    { image: 'c', platform: {} },
  ]);
});

test('what is wrong is named with its place', async () => {
  const refused = async (text: string, message: RegExp) =>
    await assert.rejects(parseSpec(text, 'spec.yml'), { code: 'USAGE', message }, text);
  await refused('', /not a mapping/);
  await refused('manifests: []', /"image" names no image/);
  await refused('image: a', /"manifests" is no list/);
  await refused('image: a\nmanifest: []', /"manifest" is no field/);
  await refused('image: a\nmanifests: [{image: b, platfrom: {}}]', /manifests\[0\]: "platfrom" is no field/);
  await refused('image: a\nmanifests: [{image: b, platform: {arch: x}}]', /"arch" is no field of a platform/);
  await refused('image: [a', /spec\.yml/);
  await refused('a: &x [1]\nimage: *x', /spec\.yml/);
});

test('any text is a specification or an error of ours', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.string().map((text) => `image: a\nmanifests:\n  - image: ${text}`),
      ),
      async (text) => {
        try {
          const { image, manifests } = await parseSpec(text, 'x');
          assert.ok(typeof image === 'string' && manifests.every((entry) => typeof entry.image === 'string'));
        } catch (error) {
          assert.ok(isFailure(error, 'USAGE', 'LIMIT'), String(error));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a template’s words stand for their first places', () => {
  const spec = specFromArguments({
    platforms: ['linux/amd64', 'linux/arm/v5', 'linux/arm/v7'],
    template: 'foo/bar-ARCHVARIANT:v1',
    target: 'foo/bar:v1',
    tags: [],
    annotations: {},
  });
  assert.deepEqual(
    spec.manifests.map((entry) => entry.image),
    ['foo/bar-amd64:v1', 'foo/bar-armv5:v1', 'foo/bar-armv7:v1'],
  );
  assert.throws(
    () => specFromArguments({ platforms: ['amd64'], template: '', target: '', tags: [], annotations: {} }),
    { code: 'USAGE' },
  );
});
