import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { placeMounts } from './place-mounts.ts';
import type { SandboxMount } from './sandbox.ts';
import { Stubs } from './stubs.ts';

describe('places for mounts', () => {
  let root: string;
  let stubs: Stubs;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'polyarch-places-'));
    stubs = new Stubs(root, (path, seconds) => utimesSync(path, seconds, seconds));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const tmpfs = (target: string): SandboxMount => ({ kind: 'tmpfs', target, readOnly: false });
  const bind = (source: string, target: string): SandboxMount => ({
    kind: 'bind',
    source,
    target,
    readOnly: true,
  });
  const place = (...mounts: SandboxMount[]): string[] =>
    placeMounts(mounts, stubs).map(({ target }) => target);

  test('a file for a file, a directory for the rest, of the mode that a tmpfs takes over', () => {
    writeFileSync(join(root, 'source'), '');
    assert.deepEqual(place(bind(join(root, 'source'), '/a/file'), bind(root, '/a/dir'), tmpfs('/ram')), [
      '/a/file',
      '/a/dir',
      '/ram',
    ]);
    assert.ok(lstatSync(join(root, 'a/file')).isFile());
    assert.ok(lstatSync(join(root, 'a/dir')).isDirectory());
    assert.equal(lstatSync(join(root, 'ram')).mode & 0o7777, 0o1777 & ~process.umask());
  });

  test('links in a target lead inside the root', () => {
    mkdirSync(join(root, 'real'));
    symlinkSync('/../../real', join(root, 'link'));
    assert.deepEqual(place(tmpfs('/link/in')), ['/real/in']);
    assert.ok(existsSync(join(root, 'real/in')));
  });

  test('nothing is made below what another mount covers', () => {
    assert.deepEqual(place(tmpfs('/dev/shm/x'), tmpfs('/ram'), tmpfs('/ram/deep/er'), tmpfs('/rampart')), [
      '/dev/shm/x',
      '/ram',
      '/ram/deep/er',
      '/rampart',
    ]);
    assert.deepEqual(
      ['dev', 'ram/deep', 'rampart'].map((path) => existsSync(join(root, path))),
      [false, false, true],
    );
  });
});
