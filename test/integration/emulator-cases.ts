import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { findProgram } from '../../src/lib/find-program.ts';
import { type Ended, polyarchProgram, runProgram } from '../fixtures/run-program.ts';
import { jailDirectory } from './jail.ts';

// Run in a user and mount namespace of its own (emulator.test.ts): the table is that namespace's.
const scratch = jailDirectory ?? '';
const table = '/proc/sys/fs/binfmt_misc';
const env: NodeJS.ProcessEnv = { ...process.env, POLYARCH_HOME: join(scratch, 'home'), HOME: scratch };
const emulator = (...args: string[]): Promise<Ended> =>
  runProgram([polyarchProgram, 'emulator', ...args], { env });
const root = join(scratch, 'root');

/** A program for arm64 that ends with 42: `mov x0, #42; mov x8, #93 (exit); svc #0`, behind the least that ELF asks for. */
function arm64Program(): Buffer {
  const bytes = Buffer.alloc(132);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(183, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(0x400078n, 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(5, 68);
  bytes.writeBigUInt64LE(0x400000n, 80);
  bytes.writeBigUInt64LE(0x400000n, 88);
  bytes.writeBigUInt64LE(132n, 96);
  bytes.writeBigUInt64LE(132n, 104);
  bytes.writeBigUInt64LE(0x1000n, 112);
  for (const [index, code] of [0xd2800540, 0xd2800ba8, 0xd4000001].entries())
    bytes.writeUInt32LE(code, 120 + index * 4);
  return bytes;
}

/** In a root that has no emulator. */
const runForeign = () => spawnSync('chroot', [root, '/program'], { encoding: 'utf8' }).status;

before(() => {
  mkdirSync(root);
  writeFileSync(join(root, 'program'), arm64Program());
  chmodSync(join(root, 'program'), 0o755);
});

test('without a table, the command that mounts one is told', async () => {
  // Hides this machine's, if it has one: all that follows is in this namespace.
  execFileSync('mount', ['-t', 'tmpfs', 'none', table]);
  const { code, stderr } = await emulator('install', 'arm64');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^hint: as root: mount -t binfmt_misc/m);
  execFileSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', table]);
  assert.notEqual(runForeign(), 42);
});

test('the system’s emulator is registered for any root, listed with its version, and stays when asked for again', async () => {
  const { code, stdout, stderr } = await emulator('install', 'linux/arm64');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^registered arm64: qemu-aarch64 \d+\.\d\S* \/\S*qemu-aarch64-static$/m);
  assert.equal(runForeign(), 42);
  const list = await emulator('ls', '--format', 'json');
  const rows = JSON.parse(list.stdout) as Record<string, string>[];
  const row = rows.find(({ architecture }) => architecture === 'arm64');
  assert.deepEqual([row?.state, row?.name, row?.flags], ['registered', 'qemu-aarch64', 'POCF']);
  assert.match(row?.version ?? '', /^\d+\.\d/);
  assert.equal(rows.find(({ architecture }) => architecture === 's390x')?.state, 'installed');
  assert.match((await emulator('install', 'arm64')).stdout, /^unchanged arm64/);
});

test('an image’s emulator replaces it, pinned by the image’s digest', async () => {
  const context = join(scratch, 'context');
  mkdirSync(context);
  cpSync(findProgram('qemu-aarch64-static') ?? '', join(context, 'qemu-aarch64'), { dereference: true });
  writeFileSync(join(context, 'bad'), '#!/bin/sh\n', { mode: 0o755 });
  const image = (tag: string, text: string): Promise<Ended> => {
    writeFileSync(join(context, 'Dockerfile'), `FROM scratch\n${text}\n`);
    return runProgram([polyarchProgram, 'build', '-t', `emulators:${tag}`, context], { env });
  };
  await image('good', 'COPY bad /usr/bin/qemu-s390x\nCOPY qemu-aarch64 /usr/bin/');
  await image('bad', 'COPY bad /usr/bin/qemu-aarch64');

  const refused = await emulator('install', '--from', 'local:emulators:bad', 'arm64');
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /it is no ELF program/);
  const { stdout, stderr } = await emulator('install', '--from', 'local:emulators:good', 'arm64');
  assert.match(stdout, /^replaced arm64: .* from local:\S*emulators:good@sha256:[0-9a-f]{64}$/m, stderr);
  assert.equal(runForeign(), 42);
  const { stdout: list } = await emulator('ls');
  assert.match(list, /^arm64 +registered .*emulators:good@sha256:/m);
  assert.match((await emulator('install', '--from', 'local:emulators:good', 'arm64')).stdout, /^unchanged/);
  assert.equal((await emulator('install', '--from', 'local:emulators:good', 'riscv64')).code, 1);
});

test('all that the system has is registered, but for this machine’s own', async () => {
  const { code, stderr } = await emulator('install', 'all');
  assert.equal(code, 0, stderr);
  const names = readdirSync(table);
  assert.ok(names.includes('qemu-s390x') && names.includes('qemu-riscv64'), names.join());
  assert.ok(!names.includes(process.arch === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64'));
});

test('emulators of an image serve one user’s builds, and leave the table alone', async () => {
  const before = readdirSync(table).toSorted();
  const installPrivately = (...args: string[]) => emulator('install', '--private', ...args);
  assert.equal((await installPrivately('arm64')).code, 2);
  const { stdout, stderr } = await installPrivately('--from', 'local:emulators:good', 'arm64');
  assert.match(stdout, /^installed arm64: qemu-aarch64 \d.* from local:\S*emulators:good@sha256:/m, stderr);
  assert.match((await installPrivately('--from', 'local:emulators:good', 'arm64')).stdout, /^unchanged/);
  assert.equal((await installPrivately('--from', 'local:emulators:good', 'riscv64')).code, 1);
  assert.equal((await installPrivately('--from', 'local:emulators:bad', 'arm64')).code, 1);
  const { stdout: list } = await emulator('ls');
  assert.match(list, /^arm64 +registered .*\narm64 +installed .*emulators:good@sha256:/m);
  assert.deepEqual(readdirSync(table).toSorted(), before);
  assert.match((await emulator('remove', '--private', 'arm64')).stdout, /^removed qemu-aarch64 /);
  assert.equal((await emulator('remove', '--private', 'arm64')).code, 4);
  assert.deepEqual(readdirSync(table).toSorted(), before);
});

test('remove takes architectures, patterns and all, and programs of images that nothing uses', async () => {
  assert.match((await emulator('remove', 's390x')).stdout, /^removed qemu-s390x /);
  assert.match((await emulator('remove', 'qemu-riscv*')).stdout, /^removed qemu-riscv64 /);
  assert.equal((await emulator('remove', 's390x')).code, 4);
  const kept = join(scratch, 'home/emulators');
  const images = () => readdirSync(kept).filter((name) => name !== 'private');
  assert.equal(images().length, 1);
  assert.equal((await emulator('remove', 'all')).code, 0);
  assert.deepEqual(readdirSync(table).toSorted(), ['register', 'status']);
  assert.deepEqual(images(), []);
  assert.notEqual(runForeign(), 42);
  assert.equal((await emulator('install', 'amd65')).code, 2);
  assert.ok(existsSync(join(table, 'register')));
});
