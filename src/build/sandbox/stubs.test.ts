import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ensureDirectory, Stubs } from './stubs.ts';

const old = 1_600_000_000;
const setTimes = (path: string, seconds: number): void => utimesSync(path, seconds, seconds);
const mtime = (path: string): number => Math.floor(lstatSync(path).mtimeMs / 1000);

describe('stubs', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'polyarch-stubs-'));
    mkdirSync(join(root, 'etc'));
    utimesSync(join(root, 'etc'), old, old);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('what was made and is still empty goes, and times come back', () => {
    const stubs = new Stubs(root, setTimes);
    stubs.ensure('/etc/hosts', 'file');
    stubs.ensure('/run/a/b', 'directory');
    assert.deepEqual(stubs.paths, ['etc/hosts', 'run', 'run/a', 'run/a/b']);
    assert.ok(mtime(join(root, 'etc')) > old);
    stubs.remove();
    assert.equal(existsSync(join(root, 'run')), false);
    assert.equal(existsSync(join(root, 'etc/hosts')), false);
    assert.equal(mtime(join(root, 'etc')), old);
  });

  test('what the program filled stays, and the time that it gave a directory', () => {
    const stubs = new Stubs(root, setTimes);
    stubs.ensure('/etc/hosts', 'file');
    stubs.ensure('/etc/resolv.conf', 'file');
    stubs.ensure('/proc', 'directory');
    writeFileSync(join(root, 'etc/hosts'), 'x');
    writeFileSync(join(root, 'proc/file'), '');
    utimesSync(join(root, 'etc'), old + 5, old + 5);
    stubs.remove();
    assert.ok(existsSync(join(root, 'etc/hosts')) && existsSync(join(root, 'proc/file')));
    assert.equal(existsSync(join(root, 'etc/resolv.conf')), false);
    assert.equal(mtime(join(root, 'etc')), old + 5);
  });

  test('what is there is used, links are followed inside', () => {
    writeFileSync(join(root, 'etc/hosts'), '');
    symlinkSync('/../run/resolve/stub.conf', join(root, 'etc/resolv.conf'));
    const stubs = new Stubs(root, setTimes);
    assert.equal(stubs.ensure('/etc/hosts', 'file'), '/etc/hosts');
    assert.equal(stubs.ensure('/etc/resolv.conf', 'file'), '/run/resolve/stub.conf');
    assert.throws(() => stubs.ensure('/etc/hosts', 'directory'), { code: 'SANDBOX' });
    stubs.remove();
    assert.ok(existsSync(join(root, 'etc/hosts')));
    assert.equal(existsSync(join(root, 'run')), false);
  });

  test('nothing is taken away behind a link that a program put in the way', () => {
    const outside = mkdtempSync(join(tmpdir(), 'polyarch-outside-'));
    try {
      mkdirSync(join(outside, 'b'));
      utimesSync(outside, old, old);
      const stubs = new Stubs(root, setTimes);
      stubs.ensure('/a/b', 'directory');
      renameSync(join(root, 'a'), join(root, 'moved'));
      symlinkSync(outside, join(root, 'a'));
      stubs.remove();
      assert.ok(existsSync(join(outside, 'b')));
      assert.equal(mtime(outside), old);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  test('the working directory is made with its parents, and a file in its place is refused', () => {
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    symlinkSync('/etc', join(root, 'link'));
    ensureDirectory(root, '/link/a/b', owner);
    assert.ok(lstatSync(join(root, 'etc/a/b')).isDirectory());
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => ensureDirectory(root, '/file/x', owner), { code: 'SANDBOX' });
  });
});
