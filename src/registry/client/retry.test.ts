import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { digestOf } from '../../lib/digest.ts';
import { anonymous } from './auth/credential.ts';
import type { RegistryEvent } from './events.ts';
import { limits } from './limits.ts';
import { RegistryClient } from './registry-client.ts';
import { backoff, retryAfter } from './retry.ts';

const blob = { mediaType: 'application/octet-stream', digest: digestOf('x'), size: 1 };

async function withAnswers(
  answers: readonly (readonly [status: number, headers?: Record<string, string>] | 'break')[],
  work: (exists: (signal?: AbortSignal) => Promise<boolean>, events: RegistryEvent[]) => Promise<void>,
  pace = 0.001,
): Promise<number> {
  const events: RegistryEvent[] = [];
  const server = await scriptedServer(({ answer, response, count }) => {
    const next = answers[Math.min(count, answers.length) - 1];
    if (next === 'break' || next === undefined) response.destroy();
    else answer(next[0], next[1]);
  });
  const client = new RegistryClient({ credentials: anonymous, pace, onEvent: (event) => events.push(event) });
  try {
    await work((signal) => client.repository(server.host, 'a').exists(blob, { signal }), events);
    return server.seen.length;
  } finally {
    client.close();
    await server.close();
  }
}

describe('retry', () => {
  test('a broken connection, 429 with Retry-After and 503 are tried again', async () => {
    const answers = ['break', [429, { 'retry-after': '1' }], [503], [200]] as const;
    const sent = await withAnswers(answers, async (exists, events) => {
      assert.equal(await exists(), true);
      assert.deepEqual(
        events.map((event) => event.type === 'retry' && event.attempt),
        [1, 2, 3],
      );
    });
    assert.equal(sent, 4);
  });

  test('a kept-alive connection that the registry closed is replaced without a wait', async () => {
    const sent = await withAnswers([[200], 'break', [200]], async (exists, events) => {
      assert.equal(await exists(), true);
      // The connection is given back a moment after the answer.
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await exists(), true);
      assert.deepEqual(events, []);
    });
    assert.equal(sent, 3);
  });

  test('it ends after the last try, and at once where trying again is no use', async () => {
    const always = await withAnswers([[500]], async (exists) => {
      await assert.rejects(exists(), { code: 'REGISTRY' });
    });
    assert.equal(always, limits.attempts);
    const refused = await withAnswers([[400]], async (exists) => {
      await assert.rejects(exists(), { code: 'REGISTRY' });
    });
    assert.equal(refused, 1);
  });

  test('a Retry-After beyond the limit is an error that names it', async () => {
    const sent = await withAnswers([[429, { 'retry-after': '3600' }]], async (exists) => {
      await assert.rejects(exists(), { code: 'REGISTRY', hint: /^wait 3600 seconds/ });
    });
    assert.equal(sent, 1);
  });

  test('an abort ends the wait', async () => {
    await withAnswers(
      [[503]],
      async (exists) => {
        await assert.rejects(exists(AbortSignal.timeout(50)), { code: 'INTERRUPTED' });
      },
      1000,
    );
  });

  test('waits grow, with chance, up to a limit', () => {
    for (let attempt = 1; attempt < 20; attempt++) {
      const full = Math.min(limits.firstDelayMs * 2 ** (attempt - 1), limits.lastDelayMs);
      const delay = backoff(attempt);
      assert.ok(delay >= full / 2 && delay <= full);
    }
    assert.equal(retryAfter('7'), 7000);
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000);
    assert.equal(retryAfter('soon'), undefined);
  });
});
