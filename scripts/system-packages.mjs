// Finds out which system packages are missing and installs them with apt as root; as an ordinary user it
// prints the command that does. Plain JavaScript for Node 20, like prepare.mjs.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';

const emulator = process.arch === 'arm64' ? 'qemu-x86_64-static' : 'qemu-aarch64-static';

/** `programs`: any one of them will do. `test`: only tests use it, so that a build goes on without. */
const needs = [
  { package: 'runc', programs: ['runc', 'crun'], use: 'runs the steps of a build' },
  { package: 'crun', programs: ['crun'], use: 'runs the steps of builds in user namespaces', test: true },
  { package: 'uidmap', programs: ['newuidmap'], use: 'maps user ids for builds by an ordinary user' },
  { package: 'qemu-user-static', programs: [emulator], use: 'runs programs of other architectures' },
  {
    package: 'proot',
    programs: ['proot'],
    use: 'runs steps where neither mounts nor namespaces are allowed',
    test: true,
  },
  {
    package: 'docker.io',
    programs: ['dockerd'],
    use: 'makes the containers that tests build in',
    test: true,
  },
  { package: 'skopeo', programs: ['skopeo'], use: 'the peer that pulls what we push', test: true },
  { package: 'buildah', programs: ['buildah'], use: 'the peer whose images indexes list', test: true },
  { package: 'docker-registry', programs: ['docker-registry'], use: 'the peer that we push to', test: true },
  { package: 'openssl', programs: ['openssl'], use: 'makes the certificates of test registries', test: true },
  { package: 'make', programs: ['make'], use: 'runs the Makefile of the article', test: true },
  { package: 'attr', programs: ['getfattr'], use: 'looks at extended attributes', test: true },
  { package: 'libcap2-bin', programs: ['setcap'], use: 'sets file capabilities', test: true },
  { package: 'pigz', programs: ['pigz'], use: 'the peer that layers are compared with', test: true },
];

/** Debian keeps runc and others in sbin, which an ordinary user's PATH leaves out. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isThere(program) {
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0'];
  return (
    spawnSync('apt-get', [...options, ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
  );
}

function hasPackageLists() {
  try {
    return readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));
  } catch {
    return false;
  }
}

/** Lists may be missing (a fresh machine) or too old for what the mirror still has. */
function install(names) {
  const command = ['install', '--no-install-recommends', ...names];
  if (hasPackageLists() && apt(command)) return true;
  return apt(['update']) && apt(command);
}

/** `name:first:count` lines of /etc/subuid or /etc/subgid. */
function subordinateRanges(file) {
  try {
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => {
      const [owner, first, count] = line.split(':');
      return { owner, end: Number(first) + Number(count) };
    });
  } catch {
    return [];
  }
}

/** Without subordinate ids newuidmap has nothing to map: a build would know one user only. */
function subordinateIdsHint() {
  const { username, uid } = userInfo();
  const all = ['/etc/subuid', '/etc/subgid'].map(subordinateRanges);
  const has = (ranges) => ranges.some(({ owner }) => owner === username || owner === `${uid}`);
  if (all.every(has)) return undefined;
  const first = Math.max(100_000, ...all.flat().map(({ end }) => end));
  const range = `${first}-${first + 65_535}`;
  return `usermod --add-subuids ${range} --add-subgids ${range} ${username}`;
}

/**
 * Sees to the packages for `purpose`, `run` or `test`. False, with the commands printed, when one that builds and
 * runs need is missing and this user may not install it. Missing test packages never fail: their tests are skipped
 * with the reason.
 */
export function installSystemPackages(purpose) {
  if (process.platform !== 'linux') return true;
  const missing = needs.filter(
    (need) => (purpose === 'test' || !need.test) && !need.programs.some((program) => isThere(program)),
  );
  const names = missing.map((need) => need.package);
  const root = process.getuid?.() === 0;
  for (const need of missing)
    process.stdout.write(`system package ${need.package} is missing: ${need.use}\n`);

  const commands = [];
  if (names.length > 0 && root && isThere('apt-get')) {
    process.stdout.write(`system packages: apt-get install ${names.join(' ')}\n`);
    if (install(names)) return true;
    process.stderr.write(`error: Cannot install "${names.join(' ')}": apt-get failed\n`);
    return purpose === 'test';
  }
  if (names.length > 0) commands.push(`apt-get update && apt-get install ${names.join(' ')}`);
  const ids = root ? undefined : subordinateIdsHint();
  if (ids !== undefined) commands.push(ids);
  if (commands.length === 0) return true;
  process.stderr.write(`As root, type:\n${commands.map((command) => `  ${command}\n`).join('')}`);
  return purpose === 'test' || (missing.every((need) => need.test) && ids === undefined);
}
