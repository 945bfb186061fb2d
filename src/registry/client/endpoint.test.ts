import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRealm } from './auth/realm.ts';
import { Endpoint, isConfidential, isLoopbackHost, isThisMachine } from './endpoint.ts';
import { withRedirects } from './redirect.ts';

test('plain HTTP on this machine, HTTPS everywhere else', () => {
  const cases: Record<string, string> = {
    'docker.io': 'https://registry-1.docker.io',
    'ghcr.io': 'https://ghcr.io',
    'localhost:5000': 'http://localhost:5000',
    '127.9.9.9:1': 'http://127.9.9.9:1',
    '[::1]:5000': 'http://[::1]:5000',
    'localhost.example.com': 'https://localhost.example.com',
    '127.0.0.1.example.com:80': 'https://127.0.0.1.example.com:80',
    '10.0.0.1:5000': 'https://10.0.0.1:5000',
    '0.0.0.0:5000': 'https://0.0.0.0:5000',
  };
  for (const [registry, origin] of Object.entries(cases)) {
    assert.equal(new Endpoint(registry).current.origin, origin);
  }
  assert.equal(isLoopbackHost('registry.localhost'), true);
  assert.equal(isConfidential(new URL('http://0.0.0.0/')), false);
});

test('every spelling of this machine is seen', () => {
  const urls = [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost.',
  ];
  for (const host of urls) assert.equal(isThisMachine(new URL(`http://${host}/`).hostname), true, host);
  assert.equal(isThisMachine(new URL('http://128.0.0.1/').hostname), false);
});

test('a registry elsewhere leads neither to plain HTTP nor to this machine', async () => {
  const endpoint = new Endpoint('registry.example');
  const asked = { registry: 'registry.example', origin: endpoint.current };
  const secret = { anonymous: false };
  for (const realm of ['https://127.0.0.1/token', 'https://[::ffff:7f00:1]/', 'http://auth.example/token']) {
    assert.throws(() => checkRealm(realm, asked, secret), { code: 'UNAUTHORIZED' }, realm);
  }
  assert.equal(checkRealm('https://auth.example/token', asked, secret).origin, 'https://auth.example');
  const { Readable } = await import('node:stream');
  for (const location of ['http://registry.example/x', 'https://localhost/x', 'https://[::]/x']) {
    const send = withRedirects(async ({ url }) => ({
      status: 307,
      headers: { location },
      url,
      body: Readable.from([]),
    }));
    await assert.rejects(
      send({ method: 'GET', url: endpoint.current }),
      { code: 'REGISTRY', message: /refused$/ },
      location,
    );
  }
});
