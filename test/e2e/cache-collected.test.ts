import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../scripts/remove-tree.ts';
import { polyarch } from '../fixtures/run-program.ts';

describe('caches are kept within --gc by builds', { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-collected-'));
  const home = join(scratch, 'home');
  const marker = join(home, 'cache', 'gc');
  const hourAgo = (): void => utimesSync(marker, new Date(), new Date(Date.now() - 3_601_000));
  before(() => {
    mkdirSync(join(scratch, 'context'));
    writeFileSync(join(scratch, 'context/Dockerfile'), 'FROM scratch\nCOPY file /\n');
  });
  after(() => removeTree(scratch));

  const build = async (content: string, env: Record<string, string> = {}): Promise<string> => {
    writeFileSync(join(scratch, 'context/file'), content);
    const args = ['build', '--progress', 'json', join(scratch, 'context')];
    const { code, stderr } = await polyarch(args, {
      env: { ...process.env, POLYARCH_HOME: home, ...env },
    });
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const small = { POLYARCH_GC: 'max-used-space=100k,reserved-space=0' };
  const collected = (output: string): number | undefined =>
    output.split('\n').flatMap((line): number[] => {
      const event = line.startsWith('{') ? (JSON.parse(line) as { type?: string; removed?: number }) : {};
      return event.type === 'cache-collected' ? [event.removed ?? 0] : [];
    })[0];

  test('once an hour, after a build that made something, and no other build does more than a stat', async () => {
    const big = randomBytes(200_000).toString('hex');
    assert.equal(collected(await build(`1${big}`, small)), undefined, 'the first');
    const first = statSync(marker).mtimeMs;
    assert.equal(collected(await build(`2${big}`, small)), undefined, 'within the hour');
    assert.equal(statSync(marker).mtimeMs, first);
    hourAgo();
    const before = statSync(marker).mtimeMs;
    assert.equal(collected(await build(`2${big}`, small)), undefined, 'a warm one');
    assert.equal(statSync(marker).mtimeMs, before);
    assert.equal(collected(await build(`3${big}`, { POLYARCH_GC: 'off' })), undefined, 'off');
    assert.equal(statSync(marker).mtimeMs, before);
    assert.ok((collected(await build(`4${big}`, small)) ?? 0) > 0, 'an hour later');
    assert.ok(statSync(marker).mtimeMs > before);
    hourAgo();
    assert.equal(collected(await build(`5${big}`)), undefined, 'within BuildKit’s policy nothing goes');
    assert.ok(readFileSync(marker).length === 0);
  });
});
