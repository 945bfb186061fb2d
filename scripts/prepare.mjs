// Makes a clean clone ready, npm packages first, then system packages, and runs a script with the checkout's own Node.
// Plain JavaScript that runs on Node 20. No npm `pre` script: those are off where install scripts are (.npmrc).
//
//   node scripts/prepare.mjs SCRIPT [ARGUMENTS]             npm packages only
//   node scripts/prepare.mjs --for=run SCRIPT …             and what builds and runs need
//   node scripts/prepare.mjs --for=test SCRIPT …            and what tests use besides

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { installSystemPackages } from './system-packages.mjs';

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));
const ownNode = join(checkout, 'node_modules/.bin/node');

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * True when node_modules is what package-lock.json says. npm writes its own record last, so an interrupted
 * installation has none; optional packages of other platforms are in the lock file only.
 */
function isInstalled() {
  const locked = readJson(join(checkout, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(join(checkout, 'node_modules/.package-lock.json'))?.packages;
  if (installed === undefined) return false;
  for (const [path, entry] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/')) continue;
    const there = installed[path];
    if (
      there === undefined
        ? !entry.optional
        : there.version !== entry.version || there.integrity !== entry.integrity
    )
      return false;
  }
  return linkOwnNode();
}

/** npm 10 installs the Node of this processor and then removes its link together with the other processor's. */
function linkOwnNode() {
  const target = `node-linux-${process.arch}/bin/node`;
  if (existsSync(join(checkout, 'node_modules', target)) && !existsSync(ownNode))
    symlinkSync(`../${target}`, ownNode);
  const isPackaged = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  return !isPackaged || existsSync(ownNode);
}

/** Runs the npm that started us with the Node that it runs on: `node_modules/.bin/node` may vanish under it. */
function runNpm(args) {
  const { npm_execpath: npm, npm_node_execpath: node } = process.env;
  const own = node?.startsWith(join(checkout, 'node_modules')) === true;
  const [file, ...first] = npm && node && !own ? [node, npm] : ['npm'];
  return spawnSync(file, [...first, ...args], { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] });
}

if (!isInstalled()) {
  process.stdout.write('npm packages: installing what package-lock.json lists\n');
  const { status } = runNpm(['ci', '--include=dev', '--loglevel=error']);
  if (status !== 0 || !isInstalled()) {
    process.stderr.write('error: Cannot prepare "npm packages": npm ci did not finish\nhint: npm ci\n');
    process.exit(1);
  }
}

const [first, ...others] = process.argv.slice(2);
const purpose = first?.startsWith('--for=') ? first.slice('--for='.length) : undefined;
const script = purpose === undefined ? process.argv.slice(2) : others;
if (purpose !== undefined && !installSystemPackages(purpose)) process.exit(1);

if (script.length > 0) {
  const child = spawn(existsSync(ownNode) ? ownNode : process.execPath, script, {
    cwd: checkout,
    env: { ...process.env, PATH: `${dirname(ownNode)}${delimiter}${process.env.PATH ?? ''}` },
    stdio: 'inherit',
  });
  // A terminal sends SIGINT to the script too: wait for its clean-up. The others reach only this process.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
