import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageConfig } from './parse-image-config.ts';

const sound = { os: 'linux', architecture: 'arm64', rootfs: { type: 'layers', diff_ids: [] } };
const parse = (more: object) => parseImageConfig(Buffer.from(JSON.stringify({ ...sound, ...more })), 'c');

test('a config with Go’s null for what is empty is one, and unknown fields stay', () => {
  const nulls = { Env: null, Labels: null, Cmd: null, ExposedPorts: null, Volumes: null };
  const more = { config: nulls, history: null, 'com.example': 1 };
  assert.deepEqual(parse(more), { ...sound, ...more });
  assert.deepEqual(parse({ variant: null, config: null }), { ...sound, config: null });
  const rootfs = { type: 'layers', diff_ids: null };
  assert.deepEqual(parse({ rootfs }).rootfs, { type: 'layers', diff_ids: [] });
});

test('fields of another type are refused by name', () => {
  const cases: [object, RegExp][] = [
    [{ os: 5 }, /not an image/],
    [{ rootfs: 'x' }, /not an image/],
    [{ rootfs: { diff_ids: [1] } }, /not an image/],
    [{ variant: 8 }, /"variant" is no text/],
    [{ 'os.features': 'win32k' }, /"os.features" is no list of texts/],
    [{ config: [] }, /"config" is no mapping/],
    [{ config: { Env: 5 } }, /"Env" is no list of texts/],
    [{ config: { Entrypoint: 'sh' } }, /"Entrypoint" is no list/],
    [{ config: { Labels: { a: 1 } } }, /"Labels" is no mapping of texts/],
    [{ config: { Volumes: 1 } }, /"Volumes" is no mapping/],
    [{ history: [null] }, /"history" is no list of objects/],
  ];
  for (const [more, message] of cases)
    assert.throws(() => parse(more), { code: 'CONTENT_INVALID', message }, JSON.stringify(more));
});
