import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Stubs } from '../stubs.ts';
import { StandIns } from './stand-ins.ts';

const old = 1_600_000_000;
const setTimes = (path: string, seconds: number): void => utimesSync(path, seconds, seconds);
const mtime = (path: string): number => Math.floor(lstatSync(path).mtimeMs / 1000);

describe('files in place of mounts', () => {
  let scratch: string;
  let root: string;
  let stubs: Stubs;
  let standIns: StandIns;
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-stand-ins-'));
    root = join(scratch, 'root');
    for (const path of ['aside', 'root', 'root/etc', 'root/dev']) mkdirSync(join(scratch, path));
    writeFileSync(join(root, 'etc/hosts'), 'the image’s');
    stubs = new Stubs(root, setTimes);
    const makeDevice = (path: string, ...of: number[]): void => writeFileSync(path, of.join());
    standIns = new StandIns(root, { aside: join(scratch, 'aside'), stubs, calls: { setTimes, makeDevice } });
    for (const path of ['', 'etc', 'dev']) utimesSync(join(root, path), old, old);
  });
  afterEach(() => rmSync(scratch, { recursive: true }));

  const remove = (): void => {
    standIns.remove();
    stubs.remove();
  };

  test('are there for a program, and what they replaced is put back with its times', () => {
    writeFileSync(join(root, 'dev/null'), 'an image’s own');
    utimesSync(join(root, 'dev'), old, old);
    symlinkSync('/run/resolve/stub', join(root, 'etc/resolv.conf'));
    utimesSync(join(root, 'etc'), old, old);
    standIns.file('/etc/hosts', 'ours');
    standIns.file('/etc/resolv.conf', 'servers');
    standIns.devices();
    assert.equal(readFileSync(join(root, 'etc/hosts'), 'utf8'), 'ours');
    assert.equal(readFileSync(join(root, 'run/resolve/stub'), 'utf8'), 'servers');
    assert.equal(readFileSync(join(root, 'dev/zero'), 'utf8'), '1,5');
    assert.equal(readFileSync(join(root, 'dev/null'), 'utf8'), 'an image’s own');
    assert.equal(readlinkSync(join(root, 'dev/stdout')), '/proc/self/fd/1');
    writeFileSync(join(root, 'dev/shm/left'), '');
    remove();
    assert.equal(readFileSync(join(root, 'etc/hosts'), 'utf8'), 'the image’s');
    assert.deepEqual(readdirSync(join(root, 'dev')), ['null']);
    assert.equal(existsSync(join(root, 'run')), false);
    for (const path of ['', 'etc', 'dev']) assert.equal(mtime(join(root, path)), old, path);
  });

  test('what a program made beside them stays, and the time of its directory', () => {
    standIns.file('/etc/hosts', 'ours');
    standIns.devices();
    writeFileSync(join(root, 'dev/mine'), '');
    utimesSync(join(root, 'dev'), old + 5, old + 5);
    remove();
    assert.deepEqual(readdirSync(join(root, 'dev')), ['mine']);
    assert.equal(mtime(join(root, 'dev')), old + 5);
    assert.equal(mtime(join(root, 'etc')), old);
  });

  test('nothing is taken away or put back behind a link that a program put in the way', () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'hosts'), 'the machine’s');
    standIns.file('/etc/hosts', 'ours');
    renameSync(join(root, 'etc'), join(root, 'moved'));
    symlinkSync(outside, join(root, 'etc'));
    remove();
    assert.equal(readFileSync(join(outside, 'hosts'), 'utf8'), 'the machine’s');
  });

  test('a device that cannot be made is told as such', () => {
    const makeDevice = (): void => {
      throw new Error('EPERM: mknod');
    };
    const refused = new StandIns(root, { aside: scratch, stubs, calls: { setTimes, makeDevice } });
    assert.throws(() => refused.devices(), { code: 'SANDBOX', hint: /--cap-add MKNOD/ });
  });
});
