import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { polyarch } from '../fixtures/run-program.ts';

/** Larger than all that a build keeps of metadata. */
const fileBytes = 300_000;

describe('a cache that is elsewhere', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-remote-cache-'));
  const context = join(scratch, 'context');
  let registry: EmbeddedRegistry;
  let base: string;
  let machines = 0;

  before(async () => {
    mkdirSync(join(scratch, 'registry'));
    registry = await startRegistry(join(scratch, 'registry'), { env: process.env });
    base = `${registry.host}/base:1`;
    await makeBaseImage(join(scratch, 'base')).push(base);
    mkdirSync(context);
    const random = Buffer.from(Array.from({ length: fileBytes }, () => Math.floor(Math.random() * 256)));
    writeFileSync(join(context, 'file'), random);
    const dockerfile = `FROM ${base} AS one\nCOPY file /one\nFROM ${base}\nCOPY file /file\nCOPY --from=one /one /copied\n`;
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  /** On a machine that has built nothing yet. */
  async function build(
    ...options: string[]
  ): Promise<{ cached: number; done: number; home: string; log: string }> {
    const home = join(scratch, `home-${++machines}`);
    const reference = `${registry.host}/app:1`;
    const fixed = ['--platform', 'linux/amd64,linux/arm64', '-t', reference, '--push', '--progress', 'plain'];
    const { stderr } = await polyarch(['build', ...fixed, ...options, context], {
      env: { ...process.env, POLYARCH_HOME: home },
    });
    return {
      cached: stderr.match(/^#\d+ CACHED/gm)?.length ?? 0,
      done: stderr.match(/^#\d+ DONE/gm)?.length ?? 0,
      home,
      log: stderr,
    };
  }

  function largestBlob(home: string): number {
    const blobs = join(home, 'store/blobs/sha256');
    return Math.max(...readdirSync(blobs).map((name) => statSync(join(blobs, name)).size));
  }

  test('in a registry: a new machine runs nothing, and fetches no layer that only has to be pushed', async () => {
    const cache = `${registry.host}/cache:main`;
    const first = await build('--cache-from', cache, '--cache-to', `type=registry,ref=${cache},mode=max`);
    assert.match(first.log, /warning: cache .*: no such tag|warning: cache .*not found/i);
    const second = await build('--cache-from', `type=registry,ref=${cache}`);
    assert.equal(second.done, 0, second.log);
    assert.ok(second.cached > 0);
    assert.ok(largestBlob(second.home) < fileBytes, 'a cached layer was fetched');
  });

  test('in the image itself, and in a repository with a tag for each step', async () => {
    await build('--cache-to', 'type=inline');
    const inline = await build('--cache-from', `${registry.host}/app:1`);
    assert.ok(inline.cached > 0, inline.log);
    const repository = `${registry.host}/steps`;
    await build('--cache-repo', repository);
    const keyed = await build('--cache-repo', repository, '--cache-ttl', '24h');
    assert.equal(keyed.done, 0, keyed.log);
  });

  test('in a directory', async () => {
    const directory = join(scratch, 'cache');
    await build('--cache-to', `type=local,dest=${directory},mode=max`);
    const again = await build('--cache-from', `type=local,src=${directory}`);
    assert.equal(again.done, 0, again.log);
  });
});
