import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { expandSlice, placeCgroup } from './place-cgroup.ts';

/** Directories that stand for hierarchies: what is written to files of theirs is there to be read. */
const scratch = mkdtempSync(join(tmpdir(), 'polyarch-place-'));
after(() => rmSync(scratch, { recursive: true }));

function hierarchies(name: string, kinds: readonly string[]) {
  const top = join(scratch, name);
  const lines = kinds.map((kind) => {
    mkdirSync(join(top, kind, 'own'), { recursive: true });
    if (kind === 'unified') writeFileSync(join(top, kind, 'cgroup.controllers'), 'cpuset cpu memory pids\n');
    const type = kind === 'unified' ? 'cgroup2 cgroup2 rw' : `cgroup cgroup rw,${kind}`;
    return `31 30 0:28 / ${join(top, kind)} rw - ${type}`;
  });
  const groups = kinds.map((kind, index) => (kind === 'unified' ? '0::/own' : `${index + 1}:${kind}:/own`));
  const machine = {
    mountinfo: lines.join('\n'),
    cgroup: groups.join('\n'),
    user: 'u',
    systemdRun: undefined,
  };
  return { top, machine };
}

test('version 1: a group below this process’s own, in the hierarchies of what is limited and in no other', () => {
  const { top, machine } = hierarchies('first', ['memory', 'cpu', 'cpuset', 'unified']);
  for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(top, 'cpuset/own', file), '0-3');
  const place = placeCgroup({ memory: 1 << 30, cpusetCpus: '0' }, 'id', machine);
  assert.ok(place.kind === 'groups');
  assert.deepEqual(place.groups, [
    { version: 1, controllers: ['memory'], directory: join(top, 'memory/own/polyarch-id') },
    { version: 1, controllers: ['cpuset'], directory: join(top, 'cpuset/own/polyarch-id') },
  ]);
  assert.deepEqual(
    place.made,
    place.groups.map(({ directory }) => directory),
  );
  assert.deepEqual(readdirSync(join(top, 'cpu/own')), []);
  assert.equal(readFileSync(join(top, 'cpuset/own/polyarch-id/cpuset.mems'), 'utf8'), '0-3');
});

test('--cgroup-parent is made where it is missing, and is then ours to remove', () => {
  const { top, machine } = hierarchies('parent', ['memory', 'cpu']);
  const place = placeCgroup({ memory: 1 << 30, cgroupParent: '/ci/builds' }, 'id', machine);
  assert.ok(place.kind === 'groups');
  const made = ['ci', 'ci/builds', 'ci/builds/polyarch-id'].map((path) => join(top, 'memory', path));
  assert.deepEqual(place.made, made);
});

test('version 2: the nearest group that gives controllers on; they are switched on down to the build’s own', () => {
  const { top, machine } = hierarchies('second', ['unified']);
  const place = placeCgroup({ memory: 1 << 30, cpus: 1 }, 'id', machine);
  assert.ok(place.kind === 'groups');
  const directory = join(top, 'unified/own/polyarch-id');
  assert.deepEqual(place.groups, [{ version: 2, directory }]);
  for (const path of ['', 'own', 'own/polyarch-id'])
    assert.equal(readFileSync(join(top, 'unified', path, 'cgroup.subtree_control'), 'utf8'), '+memory +cpu');
});

test('version 2 of systemd: a scope of its own, in the slice that is asked for', () => {
  const { top, machine } = hierarchies('scope', ['unified']);
  const systemdRun = ['/usr/bin/systemd-run', '--user'];
  const place = placeCgroup({ memory: 1 << 30, cgroupParent: 'ci.slice' }, 'id', { ...machine, systemdRun });
  assert.ok(place.kind === 'scope');
  assert.deepEqual(place.command.slice(0, 7), [
    ...systemdRun,
    ...['--scope', '--quiet', '--collect', '--property=Delegate=yes', '--slice=ci.slice'],
  ]);
  assert.deepEqual(place.command.slice(-2), [join(top, 'unified'), '+memory']);
  // A path is no unit of systemd's.
  const direct = placeCgroup({ memory: 1 << 30, cgroupParent: 'ci' }, 'id', { ...machine, systemdRun });
  assert.equal(direct.kind, 'groups');
});

test('what no hierarchy limits is refused, with what mends it, and nothing stays', () => {
  const { top, machine } = hierarchies('none', ['cpu']);
  assert.throws(() => placeCgroup({ memory: 1 << 30, cpus: 1 }, 'id', machine), {
    code: 'UNSUPPORTED',
    message: 'Cannot limit "memory": no control group here has the controller memory',
    hint: /systemctl edit user@\.service.*docker run --memory/,
  });
  assert.equal(existsSync(join(top, 'cpu/own/polyarch-id')), false);
});

test('a name of a slice is the path that systemd gives it', () => {
  assert.equal(expandSlice('a-b-c.slice'), 'a.slice/a-b.slice/a-b-c.slice');
  assert.equal(expandSlice('builds'), 'builds');
  assert.equal(expandSlice('/x/y.slice'), '/x/y.slice');
});
