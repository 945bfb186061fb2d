import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { maxSecretBytes, secretSource } from './secrets.ts';

describe('--secret', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-secrets-'));
  const file = join(directory, 'file');
  writeFileSync(file, 'from file');
  after(() => rmSync(directory, { recursive: true }));
  const signal = new AbortController().signal;
  const env = { NAME: 'from variable' };
  const read = async (text: string, id: string) =>
    (await (await secretSource([text], env)).read(id, { signal }))?.toString();

  test('from files and variables, as buildx has it', async () => {
    assert.equal(await read(`id=a,src=${file}`, 'a'), 'from file');
    assert.equal(await read(`type=file,id=a,source=${file}`, 'a'), 'from file');
    assert.equal(await read('id=a,env=NAME', 'a'), 'from variable');
    assert.equal(await read('id=a,type=env,src=NAME', 'a'), 'from variable');
    assert.equal(await read('id=NAME', 'NAME'), 'from variable');
    assert.equal(await read(`id=${file}`, file), 'from file');
    assert.equal(await read(`id=a,src=${file}`, 'b'), undefined);
  });

  test('what cannot be used is said before the build begins', async () => {
    for (const text of ['', 'src=x', 'id=', 'id=a,b', 'id=a,x=y', 'id=a,type=x', 'id=a,src=x,env=y']) {
      await assert.rejects(secretSource([text], env), { code: 'USAGE' }, text);
    }
    await assert.rejects(secretSource([`id=a,src=${file}.none`], env), { code: 'NOT_FOUND' });
    await assert.rejects(secretSource([`id=a,src=${directory}`], env), { code: 'NOT_FOUND' });
    await assert.rejects(read('id=a,env=NONE', 'a'), { code: 'NOT_FOUND' });
  });

  test('a large one is refused', async () => {
    const large = join(directory, 'large');
    writeFileSync(large, Buffer.alloc(maxSecretBytes + 1));
    await assert.rejects(secretSource([`id=a,src=${large}`], env), { code: 'LIMIT' });
    const source = await secretSource(['id=a,env=LARGE'], { LARGE: 'x'.repeat(maxSecretBytes + 1) });
    await assert.rejects(source.read('a', { signal }), { code: 'LIMIT' });
  });
});
