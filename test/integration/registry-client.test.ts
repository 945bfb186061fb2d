import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { MemoryStore } from '../../src/content/memory-store.ts';
import { collect } from '../../src/content/read-manifest.ts';
import { sampleImage, storeSuite } from '../../src/content/store.suite.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { copyGraph } from '../../src/transfer/copy-graph.ts';

/** The reference implementation (distribution 2.8 from Debian), on a free loopback port. */
const installed = spawnSync('docker-registry', ['--version']).status === 0;
const skip = installed ? false : 'docker-registry is not installed (apt-get install docker-registry)';

let host = '';
let directory = '';
let registry: ChildProcess | undefined;
const client = new RegistryClient({ credentials: anonymous });
let count = 0;
const repository = (name = `suite/${count++}`) => client.repository(host, name);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

describe('the registry client against docker-registry', { skip }, () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'polyarch-registry-'));
    host = `127.0.0.1:${await freePort()}`;
    const storage = { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } };
    const config = join(directory, 'config.yml');
    // JSON is YAML.
    await writeFile(
      config,
      JSON.stringify({ version: 0.1, log: { level: 'error' }, storage, http: { addr: host } }),
    );
    registry = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
    for (let attempt = 0; ; attempt++) {
      try {
        await repository('probe').exists({ mediaType: mediaTypes.ociLayer, digest: digestOf(''), size: 0 });
        return;
      } catch (error) {
        if (attempt > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
  after(async () => {
    client.close();
    if (registry && registry.exitCode === null) {
      const ended = new Promise((resolve) => registry?.once('exit', resolve));
      registry.kill();
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  });

  storeSuite('a repository of docker-registry', async () => ({ store: repository(), close: async () => {} }));

  test('a blob is mounted from another repository, and not from one without it', async () => {
    const [from, to] = [repository('mount/from'), repository('mount/to')];
    const bytes = randomBytes(100_000);
    const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
    await from.push(blob, contentFromBytes(bytes));
    assert.equal(await to.mount(blob, 'mount/from'), true);
    assert.ok(bytes.equals(await collect(await to.fetch(blob))));
    const other = { ...blob, digest: digestOf('other'), size: 5 };
    assert.equal(await to.mount(other, 'mount/from'), false);
    await to.push(other, contentFromBytes('other'));
    assert.equal(await to.exists(other), true);
  });

  test('a graph is copied with its tag, between repositories by mounts alone', async () => {
    const memory = new MemoryStore();
    const { descriptors, ...bytes } = sampleImage();
    for (const name of ['config', 'layer', 'manifest'] as const) {
      await memory.push(descriptors[name], contentFromBytes(bytes[name]));
    }
    const [first, second] = [repository('copy/first'), repository('copy/second')];
    await copyGraph(memory, first, descriptors.manifest, { tag: 'v1' });
    const states: string[] = [];
    await copyGraph(first, second, await first.resolve('v1'), {
      tag: 'v2',
      onEvent: ({ state, descriptor }) => states.push(`${state} ${descriptor.mediaType.split('.').at(-1)}`),
    });
    assert.deepEqual(states.filter((state) => state.startsWith('mounted')).length, 2);
    assert.equal((await second.resolve('v2')).digest, descriptors.manifest.digest);
  });

  test('transfers that break in the middle end well', async () => {
    const bytes = randomBytes(8_000_000);
    const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
    const proxy = await breakingProxy(host, 3_000_000);
    const events: string[] = [];
    const broken = new RegistryClient({
      credentials: anonymous,
      pace: 0.1,
      onEvent: (event) => events.push(event.type === 'resume' ? event.direction : event.type),
    });
    try {
      const store = broken.repository(proxy.host, 'broken/a');
      await store.push(blob, contentFromBytes(bytes));
      assert.ok(bytes.equals(await collect(await store.fetch(blob))));
      assert.deepEqual([...new Set(events)], ['upload', 'download']);
    } finally {
      broken.close();
      await proxy.close();
    }
  });

  test('every page of tags is listed', async () => {
    const store = repository('tags/many');
    const { descriptors, ...bytes } = sampleImage();
    for (const name of ['config', 'layer', 'manifest'] as const) {
      await store.push(descriptors[name], contentFromBytes(bytes[name]));
    }
    for (let number = 0; number < 12; number++) await store.tag(descriptors.manifest, `t${number}`);
    const tags: string[] = [];
    for await (const tag of store.listTags()) tags.push(tag);
    assert.equal(tags.length, 12);
  });
});

/** Passes on to `target`, and breaks the first connection of each direction that carried `bytes`. */
async function breakingProxy(
  target: string,
  bytes: number,
): Promise<{ host: string; close(): Promise<void> }> {
  const [name, port] = target.split(':');
  const broken = new Set<string>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), name);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const [from, to, direction] of [
      [client, upstream, 'up'],
      [upstream, client, 'down'],
    ] as const) {
      let passed = 0;
      from.on('data', (chunk: Buffer) => {
        passed += chunk.length;
        if (passed > bytes && !broken.has(direction)) {
          broken.add(direction);
          end();
        }
      });
      from.on('error', end).on('close', end);
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
