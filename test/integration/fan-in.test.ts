import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { MemoryStore } from '../../src/content/memory-store.ts';
import type { ResolvedDocument } from '../../src/content/store.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { startRegistry } from '../../src/registry/server/start-registry.ts';
import { checkFaults, noFaults, randomFrom, stressFanIn } from '../fixtures/fan-in-stress.ts';

/** Rounds of eight jobs each over a registry: `npm run stress` makes them a hundred, as they are over memory. */
const rounds = Number(process.env.POLYARCH_STRESS ?? 2);
const memoryRounds = 100;
const failures = 3;
const seed = Number(process.env.POLYARCH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);

test(`eight jobs, ${rounds} times, over a registry, each with connections of its own (seed ${seed})`, async () => {
  const root = await mkdtemp(join(tmpdir(), 'polyarch-fan-in-'));
  const registry = await startRegistry({ root });
  const clients: RegistryClient[] = [];
  const faults = noFaults();
  try {
    for (let round = 0; round < rounds; round++) {
      const open = () => {
        const client = new RegistryClient({ credentials: anonymous });
        clients.push(client);
        return client.repository(registry.host, `fan/in-${round}`);
      };
      await stressFanIn({ open, key: `run-${round}`, random, failures, faults });
      for (const client of clients.splice(0)) client.close();
    }
    if (rounds >= memoryRounds) checkFaults(faults);
  } finally {
    for (const client of clients) client.close();
    await registry.close();
    await rm(root, { recursive: true, force: true });
  }
});

test(`eight jobs, ${memoryRounds} times, over memory (seed ${seed})`, async () => {
  const faults = noFaults();
  for (let round = 0; round < memoryRounds; round++) {
    const store = new MemoryStore();
    // Jobs must not share a store object with capabilities that the faults would hide.
    const open = () => bare(store);
    await stressFanIn({ open, key: `run-${round}`, random, failures, faults });
  }
  checkFaults(faults);
});

/** The store with the exchanges that a registry has, and nothing else. */
function bare(store: MemoryStore) {
  return {
    fetch: store.fetch.bind(store),
    push: store.push.bind(store),
    exists: store.exists.bind(store),
    resolve: store.resolve.bind(store),
    tag: store.tag.bind(store),
    async resolveDocument(reference: string) {
      const descriptor = await store.resolve(reference);
      const chunks = await (await store.fetch(descriptor)).toArray();
      return { descriptor, bytes: Buffer.concat(chunks as Buffer[]) };
    },
    async pushNamed({ descriptor, bytes }: ResolvedDocument, reference: string) {
      await store.push(descriptor, contentFromBytes(bytes));
      await store.tag(descriptor, reference);
    },
  };
}
