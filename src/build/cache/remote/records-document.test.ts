import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { mergeEntries, shardManifest } from './cache-shard.ts';
import { decodeInline, encodeInline } from './inline-records.ts';
import { decodeRecords, encodeRecords, type StampedEntry } from './records-document.ts';

function entry(name: string, used: number, keys: readonly string[] = [name]): StampedEntry {
  const digest = digestOf(`layer ${name}`);
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size: 7 };
  const record = { key: digestOf(name), created: 1, layer: { descriptor, diffId: digestOf(`diff ${name}`) } };
  return { keys: keys.map((key) => digestOf(key)), record, used };
}

test('records come back as they were written', () => {
  const entries = [entry('a', 5), entry('b', 6, ['b', 'b2'])];
  assert.deepEqual(decodeRecords(encodeRecords(entries), 'cache'), entries);
});

test('what is no record is refused whole', () => {
  const broken: readonly [string, (value: Record<string, unknown>) => void][] = [
    ['another version', (value) => (value.version = 2)],
    ['no entries', (value) => (value.entries = 'none')],
    ['no digest', (value) => ((value.entries as { diffId: string }[])[0] = { diffId: 'sha256:../../x' })],
    [
      'keys that are no digests',
      (value) => Object.assign((value.entries as object[])[0] ?? {}, { keys: ['../x'] }),
    ],
    ['a layer without size', (value) => Object.assign((value.entries as object[])[0] ?? {}, { layer: {} })],
    ['a time that is none', (value) => Object.assign((value.entries as object[])[0] ?? {}, { used: -1 })],
  ];
  for (const [what, breakIt] of broken) {
    const value = JSON.parse(encodeRecords([entry('a', 5)]).toString()) as Record<string, unknown>;
    breakIt(value);
    const bytes = Buffer.from(JSON.stringify(value));
    assert.throws(() => decodeRecords(bytes, 'cache'), { code: 'CONTENT_INVALID' }, what);
  }
});

test('merging joins the keys of one outcome, drops what is old, and puts the latest first', () => {
  const day = 24 * 60 * 60;
  const now = 100 * day;
  const known = [entry('old', now - 31 * day), entry('a', now - day, ['k1']), entry('b', now - 2 * day)];
  const merged = mergeEntries(known, [entry('a', now, ['k2'])], now);
  assert.deepEqual(
    merged.map(({ keys, used }) => [keys.length, used]),
    [
      [2, now],
      [1, now - 2 * day],
    ],
  );
});

test('a layer that two steps share is in the manifest once', () => {
  const [one, two] = [
    entry('a', 1),
    { ...entry('b', 1), record: { ...entry('a', 1).record, key: digestOf('x') } },
  ];
  const config = { mediaType: 'x', digest: digestOf('config'), size: 1 };
  assert.equal(shardManifest(config, [one, two]).layers.length, 1);
});

test('an image carries the records of its own layers, by position', () => {
  const [own, other] = [entry('own', 1), entry('other', 1)];
  const base = {
    descriptor: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('base'), size: 1 },
    diffId: digestOf('b'),
  };
  const layers = [base, own.record.layer];
  const field = JSON.parse(JSON.stringify(encodeInline([own, other], layers))) as Record<string, unknown>;
  const descriptors = layers.map((layer) => layer.descriptor);
  const diffIds = layers.map((layer) => layer.diffId);
  assert.deepEqual(decodeInline(field, descriptors, diffIds, 'image'), [own]);
  assert.throws(() => decodeInline(field, descriptors.slice(0, 1), diffIds.slice(0, 1), 'image'), {
    code: 'CONTENT_INVALID',
  });
});
