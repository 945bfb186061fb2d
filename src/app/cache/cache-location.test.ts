import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLocation } from '../../oci/location.ts';
import { parseCacheFrom, parseCacheTo } from './cache-location.ts';

test('buildx’s spellings', () => {
  const from = (text: string) => formatLocation(parseCacheFrom(text));
  assert.equal(from('type=registry,ref=r.example/a:cache'), 'r.example/a:cache');
  assert.equal(from('r.example/a:cache'), from('type=registry,ref=r.example/a:cache'));
  assert.equal(from('type=local,src=dir'), 'oci:dir:latest');
  const to = parseCacheTo('type=registry,ref=r.example/a:cache,mode=max,ignore-error=true');
  assert.equal(to.type === 'registry' && to.mode, 'max');
  assert.equal(to.type === 'registry' && to.ignoreError, true);
  assert.deepEqual(parseCacheTo('type=inline'), { type: 'inline' });
});

test('what is not understood is an error that says so', () => {
  for (const text of [
    'type=gha',
    'type=registry',
    'type=local',
    'type=registry,ref=a,src=b',
    'ref=a',
    'type=registry,ref=a,=',
  ]) {
    assert.throws(() => parseCacheFrom(text), { code: 'USAGE' }, text);
  }
  for (const text of [
    'type=registry,ref=a,mode=most',
    'type=registry,ref=a,compression=zstd',
    'type=inline,mode=max',
    'type=local,dest=d,ignore-error=yes',
  ]) {
    assert.throws(() => parseCacheTo(text), { code: 'USAGE' }, text);
  }
});
