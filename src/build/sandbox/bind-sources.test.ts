import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BindSources } from './bind-sources.ts';

test('each source is mounted on something of its kind; the last one goes first, and nothing stays', (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-binds-'));
  t.after(() => rmSync(scratch, { recursive: true }));
  mkdirSync(join(scratch, 'directory'));
  writeFileSync(join(scratch, 'file'), '');
  const calls: string[] = [];
  const binds = join(scratch, 'binds');
  const sources = new BindSources(binds, {
    bind: (source, target, { readOnly }) => calls.push(`${source} ${target} ${readOnly}`),
    unmount: (target) => calls.push(`-${target}`),
  });
  const add = (name: string, readOnly: boolean): string =>
    sources.add({ kind: 'bind', source: join(scratch, name), target: '/t', readOnly });
  assert.deepEqual([add('directory', true), add('file', false)], [join(binds, '0'), join(binds, '1')]);
  assert.ok(existsSync(join(binds, '0')));
  sources.release();
  sources.release();
  assert.deepEqual(calls, [
    `${join(scratch, 'directory')} ${binds}/0 true`,
    `${join(scratch, 'file')} ${binds}/1 false`,
    `-${binds}/1`,
    `-${binds}/0`,
  ]);
  assert.deepEqual(readdirSync(binds), []);
});
