import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationOf } from './plan-sync.ts';
import { parseSyncFile } from './sync-file.ts';
import { chosenTags, constraintOf, patternOf } from './tag-choice.ts';

const never = (what: string) => new Error(what);

test("skopeo's list is read with all that it may say", () => {
  const sources = parseSyncFile(
    `registry.example.com:
    images:
        busybox: []
        redis:
            - "1.0"
            - "sha256:${'0'.repeat(64)}"
    images-by-tag-regex:
        nginx: ^1\\.13\\.[12]-alpine-perl$
    images-by-semver:
        alpine: ">= 3.12.0, < 4"
    credentials:
        username: john
        password: this is a secret
    tls-verify: true
    cert-dir: /home/john/certs
quay.io:
    tls-verify: false
    images:
        coreos/etcd:
            - latest
`,
    'sync.yml',
  );
  assert.deepEqual(
    sources.map(({ registry, repository, choice }) => [registry, repository, choice.kind]),
    [
      ['registry.example.com', 'busybox', 'all'],
      ['registry.example.com', 'redis', 'listed'],
      ['registry.example.com', 'nginx', 'pattern'],
      ['registry.example.com', 'alpine', 'semver'],
      ['quay.io', 'coreos/etcd', 'listed'],
    ],
  );
  assert.deepEqual(sources[0]?.settings, {
    tlsVerify: true,
    certDir: '/home/john/certs',
    credential: { username: 'john', password: 'this is a secret' },
  });
  assert.deepEqual(sources[4]?.settings, { tlsVerify: false });
});

test('what is misspelt, or means something else in YAML, is refused with its line', () => {
  const cases: [text: string, line: number, message: RegExp][] = [
    ['a.b:\n  image:\n    x: []\n', 2, /no key/],
    ['a.b:\n  images:\n    x: [1.10]\n', 3, /no text/],
    ['a.b:\n  images:\n    x: ["a b"]\n', 3, /neither a tag nor a digest/],
    ['a.b:\n  images:\n    x:1: []\n', 3, /has a tag/],
    ['a.b:\n  images-by-tag-regex:\n    x: "("\n', 3, /no regular expression/],
    ['a.b:\n  images-by-semver:\n    x: "!= 1"\n', 3, /not supported/],
    ['a.b:\n  images-by-semver:\n    x: "newest"\n', 3, /no range/],
    ['a.b:\n  tls-verify: "yes"\n', 2, /neither true nor false/],
    ['a.b:\n  credentials:\n    user: x\n', 3, /no key/],
    ['"a b":\n  images: {}\n', 1, /no registry/],
    ['- a\n', 1, /no registries/],
    ['a: [\n', 2, /./],
    ['a.b: 1\na.b: 2\n', 2, /unique/],
  ];
  for (const [text, line, message] of cases) {
    assert.throws(
      () => parseSyncFile(text, 'f.yml'),
      (error: Error & { code?: string; excerpt?: string }) => {
        assert.equal(error.code, 'USAGE', text);
        assert.match(error.message, message, text);
        assert.match(error.message, new RegExp(`"f.yml:${line}"`), text);
        assert.match(error.excerpt ?? '', /f\.yml/);
        return true;
      },
    );
  }
});

test('a password is in no message, and not among the lines that it shows', () => {
  for (const credentials of [
    '  credentials:\n    username: me\n    password: hunter2\n',
    '  credentials: {username: me, "password": hunter2}\n',
    '  credentials:\n    password: >-\n      hunter2\n\n      hunter2\n    username: me\n',
  ]) {
    for (const text of [
      `a.b:\n${credentials}  imags: {}\n`,
      `a.b:\n  imags: {}\n${credentials}`,
      `a.b:\n${credentials}  images: [\n`,
      `a.b:\n${credentials}${credentials}`,
    ]) {
      assert.throws(
        () => parseSyncFile(text, 'f'),
        (error: Error & { excerpt?: string }) => {
          assert.doesNotMatch(`${error.message}${error.excerpt}`, /hunter2/, text);
          return true;
        },
      );
    }
  }
});

test('tags are chosen as skopeo chooses them', () => {
  const tags = ['1.0', 'v1.2.3', '1.10.0', '2.0.0-rc1', 'latest', `sha256-${'a'.repeat(64)}.sig`, '01'];
  const by = (constraint: string) =>
    chosenTags({ kind: 'semver', constraint: constraintOf(constraint, never) }, tags);
  assert.deepEqual(by('>= 1.2.0'), ['v1.2.3', '1.10.0']);
  assert.deepEqual(by('~1.2, >=1'), ['v1.2.3']);
  assert.deepEqual(by('=> 1 || 9'), ['1.0', 'v1.2.3', '1.10.0', '01']);
  assert.deepEqual(chosenTags({ kind: 'all' }, tags).length, 6);
  assert.deepEqual(chosenTags({ kind: 'pattern', pattern: patternOf('(?i)^LA', never) }, tags), ['latest']);
});

test('an image goes below the destination by the last part of its name, or by all of it', () => {
  const source = { registry: 'r.example', repository: 'a/b' };
  const to = { transport: 'docker', place: 'm.example:5000/x/', scoped: false, suffix: '-m' } as const;
  const place = (options: object, identifier = '1') =>
    destinationOf(source, identifier, { ...to, ...options });
  assert.deepEqual(place({}), {
    transport: 'docker',
    reference: { registry: 'm.example:5000', repository: 'x/b', tag: '1-m' },
  });
  assert.deepEqual(place({ scoped: true }), {
    transport: 'docker',
    reference: { registry: 'm.example:5000', repository: 'x/r.example/a/b', tag: '1-m' },
  });
  assert.deepEqual(place({ transport: 'oci', place: '/d', suffix: '' }), {
    transport: 'oci',
    path: '/d/b:1',
  });
  assert.throws(() => place({ suffix: ' ' }), { code: 'USAGE' });
  const local = { registry: 'localhost:5000', repository: 'a/b' };
  assert.equal(destinationOf(local, '1', to).transport, 'docker');
  assert.throws(() => destinationOf(local, '1', { ...to, scoped: true }), {
    code: 'USAGE',
    message: /no repository's name has a place for the port of localhost:5000/,
  });
  assert.deepEqual(destinationOf(local, '1', { ...to, scoped: true, transport: 'oci', suffix: '' }), {
    transport: 'oci',
    path: 'm.example:5000/x/localhost:5000/a/b:1',
  });
});
