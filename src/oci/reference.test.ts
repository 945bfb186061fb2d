import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  familiarReference,
  formatReference,
  identifierOf,
  parseReference,
  withDefaultTag,
} from './reference.ts';

const sha256 = `sha256:${'a'.repeat(64)}`;
const sha512 = `sha512:${'b'.repeat(128)}`;

test('references are read as Docker reads them', () => {
  const cases: Record<string, [full: string, familiar: string]> = {
    debian: ['docker.io/library/debian', 'debian'],
    'debian:12': ['docker.io/library/debian:12', 'debian:12'],
    'a/b': ['docker.io/a/b', 'a/b'],
    'docker.io/debian': ['docker.io/library/debian', 'debian'],
    'index.docker.io/library/debian': ['docker.io/library/debian', 'debian'],
    'library/a/b': ['docker.io/library/a/b', 'library/a/b'],
    'localhost/a': ['localhost/a', 'localhost/a'],
    'localhost:5000/a': ['localhost:5000/a', 'localhost:5000/a'],
    'localhost:5000': ['docker.io/library/localhost:5000', 'localhost:5000'],
    '[::1]:5000/a:1': ['[::1]:5000/a:1', '[::1]:5000/a:1'],
    'Host/a': ['Host/a', 'Host/a'],
    'ghcr.io/a/b-c__d.e:T_1.-': ['ghcr.io/a/b-c__d.e:T_1.-', 'ghcr.io/a/b-c__d.e:T_1.-'],
    'docker.io/a.b/c': ['docker.io/a.b/c', 'docker.io/a.b/c'],
    [`ghcr.io/a@${sha256}`]: [`ghcr.io/a@${sha256}`, `ghcr.io/a@${sha256}`],
    [`a:1@${sha512}`]: [`docker.io/library/a:1@${sha512}`, `a:1@${sha512}`],
  };
  for (const [text, [full, familiar]] of Object.entries(cases)) {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), full, text);
    assert.equal(familiarReference(reference), familiar, text);
  }
});

test('what is no reference is refused', () => {
  const wrong = [
    '',
    ':1',
    'a:',
    'a@',
    'a/',
    '/a',
    'a//b',
    'a--/b',
    '-a',
    'a..b',
    'a___b',
    'a b',
    'a:b:c',
    'a:.b',
  ];
  wrong.push(
    'a@sha256:12',
    `a@${sha256}@${sha256}`,
    `a:${'t'.repeat(129)}`,
    'a'.repeat(256),
    'x'.repeat(5000),
  );
  wrong.push('ho_st.x/a', 'host:port/a', '[::1/a', 'https://ghcr.io/a', 'a\n', 'a/../b', 'f'.repeat(64));
  for (const text of wrong) assert.throws(() => parseReference(text), { code: 'USAGE' }, text);
});

test('upper case in a repository is refused with the spelling that works', () => {
  assert.throws(() => parseReference('Debian:Y'), { code: 'USAGE', hint: 'write debian:Y' });
  assert.throws(() => parseReference('GHCR.io/Org/App:Y'), { hint: 'write GHCR.io/org/app:Y' });
});

test('what a store resolves is the digest, else the tag, else latest', () => {
  assert.equal(identifierOf(parseReference(`a:1@${sha256}`)), sha256);
  assert.equal(identifierOf(parseReference('a:1')), '1');
  assert.equal(identifierOf(parseReference('a')), 'latest');
  assert.equal(formatReference(withDefaultTag(parseReference('x.io/a'))), 'x.io/a:latest');
  assert.equal(formatReference(withDefaultTag(parseReference(`x.io/a@${sha256}`))), `x.io/a@${sha256}`);
});

test('any text is a reference that reads back as itself, or USAGE', () => {
  const alphabet = fc.constantFrom(...'aB0./:@-_[]%', 'localhost', 'docker.io', 'library/', sha256, 'é');
  const text = fc.oneof(
    fc.string(),
    fc.array(alphabet, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      let reference: ReturnType<typeof parseReference>;
      try {
        reference = parseReference(candidate);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'USAGE');
        return;
      }
      assert.deepEqual(parseReference(formatReference(reference)), reference);
      assert.deepEqual(parseReference(familiarReference(reference)), reference);
    }),
    { numRuns: 2000 },
  );
});
