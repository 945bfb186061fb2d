import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarch, polyarchProgram } from '../fixtures/run-program.ts';

describe('polyarch run', { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-run-image-'));
  const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  let registry: EmbeddedRegistry;
  let image: string;

  before(async () => {
    mkdirSync(join(scratch, 'registry'));
    registry = await startRegistry(join(scratch, 'registry'), { env });
    image = `${registry.host}/base:1`;
    await makeBaseImage(join(scratch, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] }).push(image);
    await polyarch(['run', image, 'true'], { env });
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  test('standard input goes to the program with --interactive alone', () => {
    for (const [flags, expected] of [
      [[], 'end\n'],
      [['-i'], 'in\nend\n'],
    ] as const) {
      const args = ['run', ...flags, image, 'sh', '-c', 'cat; echo end'];
      const { stdout } = spawnSync(polyarchProgram, args, { env, input: 'in\n', encoding: 'utf8' });
      assert.equal(stdout, expected);
    }
  });

  test('--tty wants a terminal', () => {
    const { status, stderr } = spawnSync(polyarchProgram, ['run', '-t', image, 'tty'], {
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 2);
    assert.match(stderr, /no terminal/);
  });

  test('--tty gives one that is as large as this, which is as before afterwards', {
    skip: withoutPrograms('script'),
  }, () => {
    const inside = 'test -t 0 && test -t 1 && stty size; echo $TERM; exit 7';
    const command = `stty rows 33 cols 77; ${polyarchProgram} run -it ${image} sh -c '${inside}'; echo code $?; stty -a`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { env, encoding: 'utf8' });
    assert.match(stdout, /33 77\r\nxterm\r\ncode 7\r\n/);
    assert.match(stdout, / icanon/);
  });

  test('--volume shows a path of this machine, to change or to read', async () => {
    const volume = join(scratch, 'volume');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), 'here\n');
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const run = ['run', '--platform', platform];
      const { stdout } = await polyarch(
        [...run, '-v', `${volume}:/v`, image, 'sh', '-c', 'cat /v/file; uname -m > /v/new'],
        { env },
      );
      assert.equal(stdout, 'here\n');
      assert.match(
        readFileSync(join(volume, 'new'), 'utf8'),
        platform.endsWith('arm64') ? /aarch64/ : /x86_64/,
      );
      const script = '(echo > /v/new) 2>/dev/null || echo refused';
      const { stdout: said } = await polyarch([...run, '-v', `${volume}:/v:ro`, image, 'sh', '-c', script], {
        env,
      });
      assert.equal(said, 'refused\n');
    }
  });
});
