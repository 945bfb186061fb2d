import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { Index } from '../../src/oci/manifest.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { type Ended, polyarch, polyarchProgram, runProgram } from '../fixtures/run-program.ts';

/** Fails on one platform only, after saying why. */
const fussy = 'ARG TARGETARCH\nRUN echo "about to fail" && test "$TARGETARCH" != arm64';

describe('scheduling', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-scheduling-'));
  const context = join(scratch, 'context');
  const metadata = join(scratch, 'metadata.json');
  const env: NodeJS.ProcessEnv = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  let registry: EmbeddedRegistry;

  before(async () => {
    mkdirSync(join(scratch, 'registry'));
    mkdirSync(context);
    registry = await startRegistry(join(scratch, 'registry'), { env });
    await makeBaseImage(join(scratch, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] }).push(
      `${registry.host}/base:1`,
    );
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  function build(dockerfile: string, platforms: string, args: readonly string[] = []): Promise<Ended> {
    writeFileSync(join(context, 'Dockerfile'), `FROM ${registry.host}/base:1\n${dockerfile}\n`);
    return runProgram([polyarchProgram, 'build', '--platform', platforms, ...args, context], { env });
  }

  async function pushed(name: string): Promise<string[] | undefined> {
    const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/1`, {
      headers: { accept: 'application/vnd.oci.image.index.v1+json' },
    });
    if (answer.status === 404) return undefined;
    const index = (await answer.json()) as Index;
    return index.manifests.map(({ platform }) => (platform ? formatPlatform(platform) : ''));
  }

  test('an optional platform whose step fails is left out, and told of', async () => {
    const push = ['-t', `${registry.host}/partial:1`, '--push', '--metadata-file', metadata];
    const { code, stdout, stderr } = await build(fussy, 'linux/arm64?,linux/amd64', [
      ...push,
      ...['--progress', 'plain'],
    ]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await pushed('partial'), ['linux/amd64']);
    assert.match(stdout, /^linux\/arm64 +left out: it failed$/m);
    const told = stderr.slice(0, stderr.indexOf('warning: linux/arm64 is optional and left out'));
    assert.ok(told.includes('about to fail\n') && told.includes('>>>'), stderr);
    const facts = JSON.parse(readFileSync(metadata, 'utf8')) as Record<string, Record<string, string>>;
    assert.deepEqual(Object.keys(facts['polyarch.platforms'] ?? {}), ['linux/amd64']);
    assert.match(facts['polyarch.leftOut']?.['linux/arm64'] ?? '', /exit code 1/);
  });

  test('quiet and JSON progress tell of it too; the local store gets what is left', async () => {
    const platforms = 'linux/amd64,linux/arm64?';
    const quiet = await build(fussy, platforms, ['-q', '-t', 'partial:1']);
    assert.match(quiet.stderr, /linux\/arm64 is optional and left out/);
    assert.match(quiet.stdout, /^sha256:[0-9a-f]{64}\n$/);
    const { stdout } = await polyarch(['inspect', '--raw', 'local:partial:1'], { env });
    assert.deepEqual(
      (JSON.parse(stdout) as Index).manifests.map(({ platform }) => platform?.architecture),
      ['amd64'],
    );
    const json = await build(fussy, platforms, ['--progress', 'json']);
    const event = json.stderr
      .split('\n')
      .filter((line) => line.includes('"platform-left-out"'))
      .map((line) => JSON.parse(line) as { platform: object; error: { code: string; output: string } });
    assert.deepEqual(event[0]?.platform, { os: 'linux', architecture: 'arm64' });
    assert.equal(event[0]?.error.code, 'STEP_FAILED');
    assert.match(event[0]?.error.output ?? '', /about to fail/);
  });

  test('a required platform that fails publishes nothing, also beside optional ones', async () => {
    const { code, stderr } = await build(fussy, 'linux/amd64?,linux/arm64', [
      '-t',
      `${registry.host}/whole:1`,
      '--push',
    ]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /about to fail\n.*^error: Cannot run/ms);
    assert.equal(await pushed('whole'), undefined);
  });

  test('an optional platform that the base lacks is left out; alone it fails the build', async () => {
    const args = ['-t', `${registry.host}/lacking:1`, '--push'];
    const { code, stderr } = await build('RUN true', 'linux/amd64,linux/riscv64?', args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /linux\/riscv64 is optional and left out/);
    assert.deepEqual(await pushed('lacking'), ['linux/amd64']);
    assert.equal((await build('RUN true', 'linux/amd64,linux/riscv64')).code, 4);
    assert.equal((await build('RUN true', 'linux/riscv64?')).code, 4);
  });

  test('--no-emulation leaves an optional platform out and refuses a required one', async () => {
    const lenient = await build('RUN true', 'linux/amd64?,linux/arm64?', ['--no-emulation']);
    assert.equal(lenient.code, 0, lenient.stderr);
    assert.match(lenient.stderr, /is optional and left out: .*they would be emulated/);
    assert.equal((await build('RUN true', 'linux/amd64,linux/arm64', ['--no-emulation'])).code, 1);
  });

  test('an optional platform that nothing here emulates is left out, the others have their sandbox', async () => {
    const text = `FROM --platform=linux/amd64 ${registry.host}/base:1 AS tools\nFROM scratch\nCOPY --from=tools / /\nRUN ls`;
    const { code, stderr, stdout } = await build(text, 'linux/amd64,linux/wasm?', ['--progress', 'plain']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: linux\/wasm is optional and left out: .*no emulator is known/m);
    assert.match(stdout, /^linux\/wasm +left out/m);
  });

  describe('--parallel', () => {
    const stages = ['a', 'b', 'c'];
    const log = '--mount=type=cache,id=log,target=/log';
    /** Three stages that each do this beside each other, if they may; the last tells what they wrote. */
    const beside = (id: string, script: string): string =>
      [
        ...stages.map(
          (name) =>
            `AS ${name}\nRUN ${log} ${script.replaceAll('LOG', `/log/${id}`).replaceAll('NAME', name)}\nFROM BASE`,
        ),
        ...stages.map((name) => `COPY --from=${name} /made /${name}`),
        `RUN ${log} cat /log/${id}`,
      ]
        .join('\n')
        .replaceAll('\nAS', ' AS')
        .replaceAll('BASE', `${registry.host}/base:1`);

    test('1 runs one step at a time', async () => {
      const script = beside('one', `echo begin >> LOG && sleep 0.1 && echo end >> LOG && echo NAME > /made`);
      const { code, stderr } = await runStages(script, '1');
      assert.equal(code, 0, stderr);
      const lines = stderr.match(/(?<=^#\d+ [\d.]+ )(begin|end)$/gm);
      assert.deepEqual(lines, ['begin', 'end', 'begin', 'end', 'begin', 'end']);
    });

    test('3 runs three that wait for each other', async () => {
      const wait =
        'i=0; until [ $(wc -l < LOG) = 3 ]; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done';
      const script = beside('three', `echo begin >> LOG; ${wait}; echo NAME > /made`);
      const { code, stderr } = await runStages(script, '3');
      assert.equal(code, 0, stderr);
    });

    test('a number that is none is wrong usage', async () => {
      for (const text of ['0', '-1', 'all']) {
        assert.equal((await build('RUN true', 'linux/amd64', ['--parallel', text])).code, 2);
      }
    });

    async function runStages(text: string, parallel: string): Promise<Ended> {
      writeFileSync(join(context, 'Dockerfile'), `FROM ${registry.host}/base:1 ${text}\n`);
      const args = ['--parallel', parallel, '--progress', 'plain', '--no-cache', context];
      return await runProgram([polyarchProgram, 'build', ...args], { env });
    }
  });
});
