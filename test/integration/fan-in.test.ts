import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { startRegistry } from '../../src/registry/server/start-registry.ts';
import { randomFrom, stressFanIn } from '../fixtures/fan-in-stress.ts';

/** Rounds of eight jobs each: `POLYARCH_STRESS=100` runs the full test. */
const rounds = Number(process.env.POLYARCH_STRESS ?? 2);
const failures = 3;
const seed = Number(process.env.POLYARCH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);

test(`eight jobs, ${rounds} times, over a registry, each with connections of its own (seed ${seed})`, async () => {
  const root = await mkdtemp(join(tmpdir(), 'polyarch-fan-in-'));
  const registry = await startRegistry({ root });
  const clients: RegistryClient[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const open = () => {
        const client = new RegistryClient({ credentials: anonymous });
        clients.push(client);
        return client.repository(registry.host, `fan/in-${round}`);
      };
      await stressFanIn({ open, key: `run-${round}`, random, failures });
      for (const client of clients.splice(0)) client.close();
    }
  } finally {
    for (const client of clients) client.close();
    await registry.close();
    await rm(root, { recursive: true, force: true });
  }
});
