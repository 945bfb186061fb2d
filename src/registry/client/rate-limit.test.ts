import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { anonymous } from './auth/credential.ts';
import { parseRateLimit } from './rate-limit.ts';
import { RegistryClient } from './registry-client.ts';

describe('rate limits', () => {
  const now = Date.UTC(2026, 0, 1);
  for (const [name, headers, expected] of [
    [
      'Docker Hub',
      {
        'ratelimit-limit': '100;w=21600',
        'ratelimit-remaining': '76;w=21600',
        'docker-ratelimit-source': '192.0.2.1',
      },
      { limit: 100, remaining: 76, window: 21600, source: '192.0.2.1' },
    ],
    [
      'X-RateLimit with a date',
      {
        'x-ratelimit-limit': '60',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(now / 1000 + 90),
      },
      { limit: 60, remaining: 0, reset: 90 },
    ],
    [
      'the IETF draft',
      { ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=100;w=60' },
      { limit: 100, remaining: 50, window: 60, reset: 30 },
    ],
    ['Retry-After alone', { 'retry-after': '7' }, { reset: 7 }],
    ['nothing', { 'ratelimit-limit': 'many' }, {}],
  ] as const) {
    test(name, () => assert.deepEqual(parseRateLimit(headers, now), expected));
  }

  test('are read with one HEAD, of a refusal too', async () => {
    const client = new RegistryClient({ credentials: anonymous, retries: 0 });
    const headers = { 'ratelimit-remaining': '0;w=60' };
    for (const [status, expected] of [
      [200, { remaining: 0 }],
      [429, { remaining: 0, exceeded: true }],
    ] as const) {
      const server = await scriptedServer(({ answer }) => answer(status, headers));
      try {
        assert.deepEqual(await client.repository(server.host, 'a/b').rateLimit('latest'), expected);
        assert.deepEqual(
          server.seen.map(({ method, url }) => `${method} ${url}`),
          ['HEAD /v2/a/b/manifests/latest'],
        );
      } finally {
        await server.close();
      }
    }
    client.close();
  });
});
