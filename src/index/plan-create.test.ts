import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryStore } from '../content/memory-store.ts';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { type Platform, parsePlatform } from '../oci/platform.ts';
import { parseAnnotation } from './annotation.ts';
import { renderIndex } from './index-draft.ts';
import { type ChosenSource, planCreate } from './plan-create.ts';
import { checkRequirements } from './requirements.ts';

const store = new MemoryStore();

function image(
  platform: Platform | string,
  seed = '',
  mediaType: string = mediaTypes.ociManifest,
): Descriptor {
  const spelled = typeof platform === 'string' ? parsePlatform(platform) : platform;
  return { mediaType, digest: digestOf(`${JSON.stringify(spelled)}${seed}`), size: 7, platform: spelled };
}

function attestation(of: Descriptor): Descriptor {
  return {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(`about ${of.digest}`),
    size: 5,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': of.digest,
    },
  };
}

function source(name: string, ...entries: Descriptor[]): ChosenSource {
  const root = entries[0] as Descriptor;
  return { name, store, root, entries, isIndex: entries.length > 1 };
}

const amd64 = image('linux/amd64');
const arm64 = image('linux/arm64');

describe('the plan of an index', () => {
  test('keeps the order of the sources, attestations after the images', () => {
    const [a, b] = [attestation(amd64), attestation(arm64)];
    const { draft, warnings } = planCreate('t', [source('x', amd64, a), source('y', arm64, b)]);
    assert.deepEqual(draft.entries, [amd64, arm64, a, b]);
    assert.deepEqual(warnings, []);
  });

  test('leaves attestations out when told to, and when their image is not taken', () => {
    const all = [source('x', amd64, attestation(amd64), arm64, attestation(arm64))];
    assert.deepEqual(planCreate('t', all, { attestations: false }).draft.entries, [amd64, arm64]);
    const only = planCreate('t', all, { only: [parsePlatform('arm64')] });
    assert.deepEqual(only.draft.entries, [arm64, attestation(arm64)]);
  });

  test('names both of two images for one platform, compared in normal form', () => {
    const spelled = image({ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'other');
    const sources = [source('first', arm64), source('second', spelled)];
    assert.throws(() => planCreate('t', sources), {
      code: 'USAGE',
      message: new RegExp(`first \\(${arm64.digest}\\) and second \\(${spelled.digest}\\)`),
    });
    assert.deepEqual(planCreate('t', sources, { replace: true }).draft.entries, [spelled]);
  });

  test('takes the same image twice for one, and Windows images of two versions for two', () => {
    assert.deepEqual(planCreate('t', [source('x', amd64), source('y', amd64)]).draft.entries, [amd64]);
    const windows = (version: string) =>
      image({ os: 'windows', architecture: 'amd64', 'os.version': version }, version);
    const both = [windows('10.0.17763.1'), windows('10.0.20348.1')];
    assert.deepEqual(planCreate('t', [source('x', ...both)]).draft.entries, both);
  });

  test('writes an overridden platform as it is spelled, and only for a source of one image', () => {
    const override = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '6' };
    const { draft } = planCreate('t', [{ ...source('x', amd64), override }]);
    assert.deepEqual(draft.entries, [{ ...amd64, platform: override }]);
    const partly = planCreate('t', [{ ...source('x', amd64), override: { variant: 'v3' } }]);
    assert.deepEqual(partly.draft.entries[0]?.platform, {
      os: 'linux',
      architecture: 'amd64',
      variant: 'v3',
    });
    assert.throws(() => planCreate('t', [{ ...source('x', amd64, arm64), override }]), { code: 'USAGE' });
  });

  test('chooses the type from the images and says when it is mixed', () => {
    const docker = image('linux/arm64', 'd', mediaTypes.dockerManifest);
    const type = (...entries: Descriptor[]) => planCreate('t', [source('x', ...entries)]).draft.mediaType;
    assert.equal(type(docker), mediaTypes.dockerManifestList);
    assert.equal(type(amd64), mediaTypes.ociIndex);
    const mixed = planCreate('t', [source('x', amd64, docker)]);
    assert.equal(mixed.draft.mediaType, mediaTypes.ociIndex);
    assert.match(mixed.warnings.join('\n'), /an OCI index that has Docker manifests \(linux\/arm64\)/);
    const forced = planCreate('t', [source('x', amd64)], { type: 'docker' });
    assert.equal(forced.draft.mediaType, mediaTypes.dockerManifestList);
    assert.equal(forced.warnings.length, 1);
  });

  test("refuses what Docker's list has no place for", () => {
    const docker = image('linux/arm64', 'd', mediaTypes.dockerManifest);
    for (const options of [
      { annotations: parseAnnotation('a=b') },
      { artifactType: 'application/x' },
      { subject: amd64 },
    ]) {
      assert.throws(() => planCreate('t', [source('x', docker)], options), {
        code: 'USAGE',
        hint: 'make it an OCI index: --type oci',
      });
    }
  });

  test('refuses an empty index, and one of attestations alone', () => {
    assert.throws(() => planCreate('t', []), { code: 'USAGE' });
    assert.throws(() => planCreate('t', [source('x', attestation(amd64))]), { code: 'USAGE' });
  });

  test('warns of a platform that nothing runs on, and takes it', () => {
    const odd = image({ os: 'linux', architecture: 'pdp11' });
    const { draft, warnings } = planCreate('t', [source('x', odd)]);
    assert.deepEqual(draft.entries, [odd]);
    assert.match(warnings.join(), /linux\/pdp11/);
  });

  test('renders the same bytes for the same plan', () => {
    const render = () =>
      renderIndex(planCreate('t', [source('x', amd64, arm64)], { artifactType: 'application/x' }).draft);
    const { descriptor, bytes } = render();
    assert.deepEqual(render().bytes, bytes);
    assert.equal(descriptor.digest, digestOf(bytes));
    assert.deepEqual(Object.keys(JSON.parse(bytes.toString()) as object), [
      'schemaVersion',
      'mediaType',
      'artifactType',
      'manifests',
    ]);
  });
});

describe('annotations', () => {
  test('go to the index, to all images, or to one platform', () => {
    const annotations = [
      ...parseAnnotation('plain=1'),
      ...parseAnnotation('index:org.example:x=2'),
      ...parseAnnotation('manifest-descriptor:all=3'),
      ...parseAnnotation('manifest-descriptor[linux/arm64/v8]:one=a=b'),
      ...parseAnnotation('index,manifest-descriptor[linux/amd64]:both='),
      ...parseAnnotation('https://example.com/key=4'),
    ];
    const { draft } = planCreate('t', [source('x', amd64, attestation(amd64), arm64)], { annotations });
    assert.deepEqual(draft.annotations, {
      plain: '1',
      'org.example:x': '2',
      both: '',
      'https://example.com/key': '4',
    });
    assert.deepEqual(
      draft.entries.map((entry) => entry.annotations),
      [{ all: '3', both: '' }, { all: '3', one: 'a=b' }, attestation(amd64).annotations],
    );
  });

  test('that cannot be are refused', () => {
    assert.throws(() => parseAnnotation('nothing'), { code: 'USAGE' });
    assert.throws(() => parseAnnotation('manifest:a=b'), { code: 'UNSUPPORTED' });
    assert.throws(() => parseAnnotation('index-descriptor:a=b'), { code: 'UNSUPPORTED' });
    assert.throws(() => parseAnnotation('index[linux/amd64]:a=b'), { code: 'USAGE' });
    assert.throws(
      () =>
        planCreate('t', [source('x', amd64)], {
          annotations: parseAnnotation('manifest-descriptor[linux/s390x]:a=b'),
        }),
      { code: 'USAGE' },
    );
  });
});

test('requirements: all of the required, none beside them once optional ones are named', () => {
  const { draft } = planCreate('t', [source('x', amd64, arm64)]);
  const platforms = (...texts: string[]) => texts.map(parsePlatform);
  checkRequirements('t', draft, { require: platforms('linux/amd64', 'linux/arm64/v8') });
  assert.throws(() => checkRequirements('t', draft, { require: platforms('linux/amd64', 'linux/s390x') }), {
    code: 'PLATFORM_MISSING',
    message: /linux\/s390x is required and missing/,
  });
  checkRequirements('t', draft, { require: platforms('amd64'), optional: platforms('arm64', 's390x') });
  assert.throws(
    () => checkRequirements('t', draft, { require: platforms('amd64'), optional: platforms('s390x') }),
    { code: 'USAGE', message: /linux\/arm64 is neither/ },
  );
});
