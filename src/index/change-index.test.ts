import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Index } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parsePlatform } from '../oci/platform.ts';
import { annotateEntry, appendEntries, parseEntryName, removeEntries } from './change-index.ts';
import { draftOf, type IndexDraft, renderIndex } from './index-draft.ts';

const image = (platform: string, seed = ''): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(platform + seed),
  size: 3,
  platform: parsePlatform(platform),
});
const about = (of: Descriptor): Descriptor => ({
  ...image('linux/amd64', `about ${of.digest}`),
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': of.digest,
  },
});
const [amd64, arm64, riscv] = [image('linux/amd64'), image('linux/arm64'), image('linux/riscv64')];
const draft: IndexDraft = {
  mediaType: mediaTypes.ociIndex,
  entries: [amd64, arm64, about(amd64), about(arm64)],
};
const names = (...texts: string[]) => texts.map(parseEntryName);

test('append puts images before attestations, and the same entry again changes nothing', () => {
  const more = appendEntries('i', draft, [riscv, about(riscv)]);
  assert.deepEqual(more.entries, [amd64, arm64, riscv, about(amd64), about(arm64), about(riscv)]);
  assert.deepEqual(appendEntries('i', more, [riscv, about(riscv)]), more);
});

test('append refuses a second image for a platform, or puts it in the place of the first', () => {
  const other = image('linux/arm64', 'new');
  assert.throws(() => appendEntries('i', draft, [other]), {
    code: 'USAGE',
    message: new RegExp(`${arm64.digest}; new is ${other.digest}`),
  });
  const replaced = appendEntries('i', draft, [other, about(other)], { replace: true });
  assert.deepEqual(replaced.entries, [amd64, other, about(amd64), about(other)]);
});

test('append leaves what is said about an image that another entry still names', () => {
  const twice = { ...amd64, platform: parsePlatform('linux/386') };
  const shared = { ...draft, entries: [amd64, twice, about(amd64)] };
  const other = image('linux/386', 'new');
  const replaced = appendEntries('i', shared, [other], { replace: true });
  assert.deepEqual(replaced.entries, [amd64, other, about(amd64)]);
  const both = appendEntries('i', replaced, [image('linux/amd64', 'new')], { replace: true });
  assert.deepEqual(both.entries, [image('linux/amd64', 'new'), other]);
});

test('append of an image that is there keeps what the index says of it', () => {
  const noted = { ...arm64, annotations: { a: '1', b: '1' }, urls: ['https://example.com/'] };
  const again = { ...arm64, annotations: { b: '2' } };
  const { entries } = appendEntries('i', { ...draft, entries: [noted] }, [again]);
  assert.deepEqual(entries, [{ ...noted, annotations: { a: '1', b: '2' } }]);
});

test('fields that nobody here knows stay, in the index and in its entries', () => {
  const bytes = {
    schemaVersion: 2,
    'com.example.first': { a: [1, null] },
    manifests: [{ ...amd64, later: true, platform: { ...amd64.platform, future: ['x'] } }],
    annotations: { k: 'v' },
    last: 'x',
  };
  const index = JSON.parse(JSON.stringify(bytes)) as Index;
  const changed = appendEntries('i', draftOf(index, mediaTypes.ociIndex), [arm64]);
  const rendered: unknown = JSON.parse(renderIndex(changed).bytes.toString());
  assert.deepEqual(rendered, {
    ...bytes,
    mediaType: mediaTypes.ociIndex,
    manifests: [...bytes.manifests, arm64],
  });
});

test('remove takes what is said about an image with it, by platform or by digest', () => {
  assert.deepEqual(removeEntries('i', draft, names('linux/arm64/v8')).entries, [amd64, about(amd64)]);
  assert.deepEqual(removeEntries('i', draft, names(arm64.digest)).entries, [amd64, about(amd64)]);
  assert.deepEqual(removeEntries('i', draft, names(about(arm64).digest)).entries, [
    amd64,
    arm64,
    about(amd64),
  ]);
});

test('remove refuses what is not there and what would leave nothing', () => {
  assert.throws(() => removeEntries('i', draft, names('linux/s390x')), {
    code: 'NOT_FOUND',
    hint: 'it has linux/amd64, linux/arm64, unknown/unknown, unknown/unknown',
  });
  assert.throws(() => removeEntries('i', draft, names('amd64', 'arm64')), { code: 'USAGE' });
});

test('annotate sets each field of one entry and leaves the others', () => {
  const changed = annotateEntry('i', draft, parseEntryName('arm64'), {
    platform: { variant: 'v9', 'os.version': '1', 'os.features': ['sve'], features: ['x'] },
    annotations: { a: 'b', c: 'd' },
    removeAnnotations: ['c'],
    urls: ['https://example.com/x'],
  });
  assert.deepEqual(changed.entries[1], {
    ...arm64,
    platform: {
      os: 'linux',
      architecture: 'arm64',
      variant: 'v9',
      'os.version': '1',
      'os.features': ['sve'],
      features: ['x'],
    },
    annotations: { a: 'b' },
    urls: ['https://example.com/x'],
  });
  assert.deepEqual(changed.entries[0], amd64);
});

test('annotate takes lists away, and refuses what is no URL', () => {
  const arm = parseEntryName('arm64');
  const full = annotateEntry('i', draft, arm, {
    platform: { 'os.features': ['sve'], features: ['x'] },
    urls: ['https://example.com/x'],
  });
  const bare = annotateEntry('i', full, arm, { platform: { 'os.features': [], features: [] }, urls: [] });
  assert.deepEqual(renderIndex(bare), renderIndex(draft));
  assert.throws(() => annotateEntry('i', draft, arm, { urls: ['here'] }), { code: 'USAGE' });
});

test('annotate refuses what would make two entries for one platform', () => {
  const change = { platform: { architecture: 'amd64' } };
  assert.throws(() => annotateEntry('i', draft, parseEntryName('arm64'), change), {
    code: 'USAGE',
    message: new RegExp(amd64.digest),
  });
  assert.throws(() => annotateEntry('i', draft, parseEntryName('s390x'), change), { code: 'NOT_FOUND' });
});
