import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from './challenge.ts';

const plain = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("a registry's bearer challenge", () => {
  const header =
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"';
  assert.deepEqual(plain(header), [
    [
      'bearer',
      {
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:a/b:pull,push',
      },
    ],
  ]);
});

test('several challenges, spaces, escapes and bare tokens', () => {
  assert.deepEqual(plain('Negotiate dG9r=, BASIC realm="a \\"b\\"" , bearer  realm = x , service=y'), [
    ['negotiate', {}],
    ['basic', { realm: 'a "b"' }],
    ['bearer', { realm: 'x', service: 'y' }],
  ]);
  assert.deepEqual(plain('Basic'), [['basic', {}]]);
  assert.deepEqual(plain(',, Basic realm=""'), [['basic', { realm: '' }]]);
});

test('the first of two equal parameters counts, and nonsense ends the list', () => {
  assert.deepEqual(plain('Bearer realm="a",realm="b"'), [['bearer', { realm: 'a' }]]);
  assert.deepEqual(plain('Bearer realm="a",service="open'), [['bearer', { realm: 'a' }]]);
  assert.deepEqual(plain('realm="a"'), []);
  assert.deepEqual(parseChallenges(`Bearer realm="${'a'.repeat(10_000)}"`), []);
});

test('any header is read without an error, in time, and what is written is read back', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (header) => Array.isArray(parseChallenges(header))));
  const quoted = fc.string({ maxLength: 40 });
  fc.assert(
    fc.property(quoted, quoted, (realm, service) => {
      const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
      const [challenge] = parseChallenges(`Bearer realm=${quote(realm)}, service=${quote(service)}`);
      assert.equal(challenge?.parameters.get('realm'), realm);
      assert.equal(challenge?.parameters.get('service'), service);
    }),
  );
});
