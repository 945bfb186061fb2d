import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { Manifest } from '../../src/oci/manifest.ts';
import { formatPlatform, hostPlatform } from '../../src/oci/platform.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarch } from '../fixtures/run-program.ts';

/** Steps of one build; of two builds on one another, more layers than one mount takes. */
const steps = 140;
/** A step that runs something comes after so many that copy. */
const pace = 35;

/** What each step does to `/d`, here and in a Dockerfile. */
function planSteps(stage: string, files: Set<string>): string[] {
  return Array.from({ length: steps }, (_, step) => {
    const name = `${stage}${step}`;
    if (step % pace !== pace - 1) {
      files.add(name);
      return `COPY <<x /d/${name}\n${name}\nx`;
    }
    // Takes away what lies far below, and what came just before.
    const [oldest = '', ...rest] = files;
    const newest = rest.at(-1) ?? '';
    files.delete(oldest);
    files.delete(newest);
    return `RUN rm /d/${oldest} /d/${newest} && rm -rf /again && mkdir /again && touch /again/${name}`;
  });
}

describe('an image of more layers than a mount takes', {
  skip: withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc'),
}, () => {
  let scratch: string;
  let env: NodeJS.ProcessEnv;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-many-'));
    env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
    makeBaseImage(join(scratch, 'base'), { platforms: [formatPlatform(hostPlatform())] });
  });
  after(() => removeTree(scratch));

  async function build(name: string, base: string, lines: readonly string[]): Promise<void> {
    const context = join(scratch, name);
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), ['FROM base', ...lines, ''].join('\n'));
    const contexts = ['--build-context', `base=oci-layout://${base}`];
    await polyarch(['build', '-t', `localhost/${name}`, '--progress', 'plain', ...contexts, context], {
      env,
    });
  }

  async function manifestOf(name: string): Promise<Manifest> {
    const { stdout } = await polyarch(['inspect', `local:localhost/${name}`, '--raw'], {
      env,
    });
    return JSON.parse(stdout);
  }

  test('is built, built on, and run, with what was taken away gone', async () => {
    const files = new Set<string>();
    await build('first', join(scratch, 'base'), planSteps('a', files));
    assert.ok((await manifestOf('first')).layers.length > steps);
    await polyarch(['copy', 'local:localhost/first', `oci:${join(scratch, 'layout')}:latest`], { env });
    await build('second', join(scratch, 'layout'), planSteps('b', files));
    assert.ok((await manifestOf('second')).layers.length > 2 * steps);
    const { stdout } = await polyarch(
      [
        'run',
        'local:localhost/second',
        'sh',
        '-c',
        'ls /again; ls /d | sort; cat /d/* | sort | md5sum; ls /d | md5sum',
      ],
      { env },
    );
    const [again, ...rest] = stdout.trim().split('\n');
    assert.equal(again, `b${steps - 1}`);
    assert.deepEqual(rest.slice(0, -2), [...files].sort());
    assert.equal(rest.at(-2), rest.at(-1));
  });
});
