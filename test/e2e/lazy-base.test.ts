import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { largerBase } from '../../bench/larger-base.ts';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { polyarch } from '../fixtures/run-program.ts';

/** The base image's layer that is shared by the platforms: 100 MB of files, somewhat less on the wire. */
const files = { count: 100, bytes: 1_000_000 } as const;
const little = 500_000;

function bytesBelow(directory: string): number {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

describe('a base image of 100 MB in the registry that is pushed to', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-lazy-base-'));
  let registry: EmbeddedRegistry;
  let other: EmbeddedRegistry;
  let proxy: Server;
  let host: string;
  /** Bytes that the registry has sent. */
  let received = 0;

  before(async () => {
    for (const name of ['registry', 'other']) mkdirSync(join(scratch, name));
    other = await startRegistry(join(scratch, 'other'));
    registry = await startRegistry(join(scratch, 'registry'));
    const platforms = ['linux/amd64', 'linux/arm64'];
    const base = await largerBase(makeBaseImage(join(scratch, 'base'), { platforms }), files);
    await base.push(`${registry.host}/base:1`);
    const port = Number(registry.host.split(':').at(-1));
    proxy = createServer((socket) => {
      const upstream = connect(port, '127.0.0.1');
      upstream.on('data', (chunk) => {
        received += chunk.length;
      });
      for (const end of [socket, upstream])
        end.on('error', () => [socket, upstream].map((one) => one.destroy()));
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(async () => {
    proxy.close();
    await registry.stop();
    await other.stop();
    removeTree(scratch);
  });

  /** Builds and pushes for two platforms; the bytes that came for it. */
  async function build(
    home: string,
    copy: string,
    content: string,
    target = `${host}/app:1`,
  ): Promise<number> {
    const context = join(scratch, 'context');
    mkdirSync(context, { recursive: true });
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM ${host}/base:1\nLABEL a=b\n${copy}\nCMD ["cat", "/app/file"]\n`,
    );
    writeFileSync(join(context, 'file'), content);
    const before = received;
    await polyarch(['build', '--platform', 'linux/amd64,linux/arm64', '-t', target, '--push', context], {
      env: { ...process.env, POLYARCH_HOME: join(scratch, home) },
    });
    return received - before;
  }

  test('COPY --link and metadata transfer no layer of it', async () => {
    assert.ok((await build('linked', 'COPY --link file /app/', 'one')) < little);
    const { stdout } = await polyarch(['inspect', `${host}/app:1`]);
    assert.match(stdout, /linux\/amd64[\s\S]*linux\/arm64/);
  });

  test('to another registry its layers are streamed, once each, and never lie on this disk', async () => {
    const target = `${other.host}/app:1`;
    const first = await build('streamed', 'COPY --link file /app/', 'one', target);
    assert.ok(first > files.bytes * 10, `${first}`);
    assert.ok(first < files.bytes * files.count, `${first}`);
    assert.ok(bytesBelow(join(scratch, 'streamed')) < little, 'it was kept');
    assert.ok(bytesBelow(join(scratch, 'other')) > files.bytes * 10);
    assert.ok(
      (await build('streamed', 'COPY --link file /app/', 'two', target)) < little,
      'it was sent again',
    );
  });

  test('COPY reads what it holds once, for both platforms and for every later build', async () => {
    const first = await build('copied', 'COPY file /app/', 'one');
    assert.ok(first > files.bytes * 10, `${first}`);
    assert.ok(first < files.bytes * files.count, `${first}`);
    assert.ok(bytesBelow(join(scratch, 'copied/store')) < little, 'it was kept');
    assert.ok((await build('copied', 'COPY file /app/', 'two')) < little);
  });
});
