import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../lib/digest.ts';
import { formatLocation, type Location, parseLocation } from './location.ts';
import { parseReference } from './reference.ts';

const digest = digestOf('x');

test('every transport is named; a bare reference is the registry’s or the local store’s', () => {
  const cases: Record<string, Location> = {
    'docker://a': { transport: 'docker', reference: parseReference('a') },
    'localhost:5000/a': { transport: 'docker', reference: parseReference('localhost:5000/a') },
    'registry:2': { transport: 'docker', reference: parseReference('registry:2') },
    'local:a:1': { transport: 'local', reference: parseReference('a:1') },
    'oci:dir': { transport: 'oci', path: 'dir' },
    'oci:/a/b:v1': { transport: 'oci', path: '/a/b', name: 'v1' },
    'oci:dir:docker.io/library/a:1': { transport: 'oci', path: 'dir', name: 'docker.io/library/a:1' },
    'oci:dir:': { transport: 'oci', path: 'dir' },
    'oci:dir:@3': { transport: 'oci', path: 'dir', position: 3 },
    [`oci:dir@${digest}`]: { transport: 'oci', path: 'dir', digest },
    [`oci:dir:v1@${digest}`]: { transport: 'oci', path: 'dir', name: 'v1', digest },
    'oci:a@b': { transport: 'oci', path: 'a@b' },
    'dir:/a/b:c@d': { transport: 'dir', path: '/a/b:c@d' },
    'oci-archive:a.tar': { transport: 'oci-archive', path: 'a.tar' },
    'oci-archive:-:v1': { transport: 'oci-archive', path: '-', name: 'v1' },
    'docker-archive:a.tar': { transport: 'docker-archive', path: 'a.tar' },
    'docker-archive:a.tar:b:1': {
      transport: 'docker-archive',
      path: 'a.tar',
      reference: parseReference('b:1'),
    },
    'docker-archive:-:@0': { transport: 'docker-archive', path: '-', position: 0 },
    'docker-daemon:a:1': { transport: 'docker-daemon', image: parseReference('a:1') },
    [`docker-daemon:${digest}`]: { transport: 'docker-daemon', image: digest },
    [`docker-daemon:a@${digest}`]: { transport: 'docker-daemon', image: parseReference(`a@${digest}`) },
  };
  for (const [text, location] of Object.entries(cases)) assert.deepEqual(parseLocation(text), location, text);
  assert.equal(parseLocation('a', { transport: 'local' }).transport, 'local');
  assert.equal(parseLocation('docker://a', { transport: 'local' }).transport, 'docker');
});

test('what is no location is refused', () => {
  const usage = [
    'oci:',
    'oci::v1',
    'oci:a\0b',
    'dir:',
    'dir:a\0b',
    'oci:dir:-v1',
    'oci:dir:a b',
    'oci:dir:a//b',
    `oci:dir:@1@${digest}`,
    'oci:dir@sha256:12',
    'docker-archive:',
    'docker-archive:a.tar:UPPER',
    `docker-archive:a.tar:a@${digest}`,
    'docker-daemon:',
    `docker-daemon:a:1@${digest}`,
    'docker-daemon:sha256:12@',
    'local:',
    'docker://',
  ];
  for (const text of usage) assert.throws(() => parseLocation(text), { code: 'USAGE' }, text);
  for (const text of ['sif:a', 'containers-storage:a']) {
    assert.throws(() => parseLocation(text), { code: 'UNSUPPORTED', message: /transport "/ }, text);
  }
});

test('what is printed reads back as the same', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const name = fc
    .tuple(word, fc.constantFrom('.', '-', '--', ':', '/', '@', '+'), word)
    .map((parts) => parts.join(''));
  const file = fc.constantFrom('-', '/a/b.tar', 'dir', 'a@b');
  const texts = fc.oneof(
    fc.tuple(fc.constantFrom('oci', 'oci-archive'), file, name).map((parts) => parts.join(':')),
    fc.tuple(fc.constantFrom('oci', 'oci-archive'), file).map((parts) => `${parts.join(':')}@${digest}`),
    fc
      .tuple(file, fc.constantFrom('a:1', 'r.example/a', '@7'))
      .map((parts) => `docker-archive:${parts.join(':')}`),
    fc.constantFrom('docker-daemon:a', `docker-daemon:${digest}`, 'local:a:1', 'docker://a', 'r.example/a:2'),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const printed = formatLocation(parseLocation(text));
      assert.equal(formatLocation(parseLocation(printed)), printed);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (tail) => {
      for (const scheme of ['oci:', 'oci-archive:', 'dir:', 'docker-archive:', 'docker-daemon:']) {
        try {
          formatLocation(parseLocation(`${scheme}${tail}`));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'USAGE');
        }
      }
    }),
  );
});
