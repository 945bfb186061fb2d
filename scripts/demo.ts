import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';

import { makeBaseImage } from './base-image.ts';
import { type EmbeddedRegistry, startRegistry } from './embedded-registry.ts';
import { removeTree } from './remove-tree.ts';

/*
 * The main job from nothing: a base image, a registry, one build for two platforms, and both images run. Everything
 * it makes lies in one temporary directory that is gone at the end.
 */

const checkout = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'polyarch-demo-'));
const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
const platforms = ['linux/amd64', 'linux/arm64'];

const say = (text: string): void => {
  process.stdout.write(`\n${styleText('bold', text)}\n`);
};
const show = (command: string): void => {
  process.stdout.write(`${styleText('cyan', `$ ${command}`)}\n`);
};

let interrupted: NodeJS.Signals | undefined;
let running: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal;
    // A terminal has sent SIGINT to the child already; a second one would cut its clean-up short.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) running?.kill('SIGTERM');
  });
}

class DemoFailed extends Error {}

async function polyarch(...args: string[]): Promise<void> {
  if (interrupted !== undefined) throw new DemoFailed(`interrupted by ${interrupted}`);
  show(`./polyarch ${args.join(' ')}`);
  const child = spawn(join(checkout, 'polyarch'), args, { cwd: checkout, env, stdio: 'inherit' });
  running = child;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  running = undefined;
  if (interrupted !== undefined) throw new DemoFailed(`interrupted by ${interrupted}`);
  if (code !== 0) throw new DemoFailed(`./polyarch ${args[0]} ended with ${code}`);
}

async function demo(registry: EmbeddedRegistry): Promise<void> {
  say('A base image for four architectures, from Debian’s own packages');
  const base = `${registry.host}/base:1`;
  const image = makeBaseImage(join(scratch, 'base'), { report: (line) => process.stdout.write(`${line}\n`) });
  await image.push(base);
  await polyarch('inspect', base);

  say('One command from a Dockerfile to a two-platform image in the registry');
  const started = performance.now();
  const hello = `${registry.host}/hello:1`;
  const options = ['--platform', platforms.join(','), '--build-arg', `BASE=${base}`, '-t', hello, '--push'];
  await polyarch('build', ...options, 'examples/hello');
  process.stdout.write(`built and pushed in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);

  say('What is in the registry now');
  await polyarch('inspect', hello);

  say('Both images run here');
  for (const platform of platforms) {
    await polyarch('run', '--platform', platform, hello, 'uname', '-m');
    await polyarch('run', '--platform', platform, hello);
  }
}

let registry: EmbeddedRegistry | undefined;
const started = performance.now();
try {
  mkdirSync(join(scratch, 'registry'));
  say('A registry on a free port of this machine');
  registry = await startRegistry(join(scratch, 'registry'), { env, report: show });
  process.stdout.write(`listening on ${registry.host}\n`);
  await demo(registry);
  say(`Done in ${((performance.now() - started) / 1000).toFixed(0)} s.`);
} catch (error) {
  process.stderr.write(`error: Cannot finish "demo": ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = interrupted === undefined ? 1 : 130;
} finally {
  await registry?.stop();
  removeTree(scratch);
}
