import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { loadMountCalls } from './mount-calls.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';

const [first, second] = ['aaaaaaaa', 'bbbbbbbb'];
const { tryLock } = await loadMountCalls();
const open = (path: string, owner: string, boot = 'boot') =>
  new SnapshotDirectory(path, { owner, tryLock, boot });

describe('SnapshotDirectory', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'polyarch-snapshots-'));
  });
  afterEach(() => rmSync(path, { recursive: true }));

  test('is found by key when it is published, by other keepers too', () => {
    const snapshots = open(path, first);
    const { id } = snapshots.create();
    assert.equal(snapshots.lookup('k'), undefined);
    assert.equal(snapshots.publish(id, 'k'), id);
    assert.equal(open(path, second).lookup('k'), id);
  });

  test('the first to publish a key wins', () => {
    const one = open(path, first);
    const other = open(path, second);
    const { id } = one.create();
    one.publish(id, 'k');
    assert.equal(other.publish(other.create().id, 'k'), id);
  });

  test('what was never synced is not believed after a restart', () => {
    const before = open(path, first);
    const kept = before.create();
    before.publish(kept.id, 'kept');
    before.markSynced(before.unsynced());
    before.publish(before.create().id, 'lost');
    const after = open(path, second, 'another');
    assert.equal(after.lookup('lost'), undefined);
    assert.equal(after.lookup('kept'), kept.id);
    const again = after.create();
    assert.equal(after.publish(again.id, 'lost'), again.id);
  });

  test('a sweep takes what dead keepers left, and nothing else', () => {
    const dead = open(path, first);
    const published = dead.create().id;
    dead.publish(published, 'k');
    dead.create();
    const living = open(path, second);
    const own = living.create().id;
    writeFileSync(join(path, 'unknown'), '');
    assert.deepEqual(
      living.sweep((owner) => owner === first),
      [],
    );
    const [gone = ''] = living.sweep(() => false);
    assert.match(gone, /^bbbbbbbb-.*[.]gone$/);
    const others = ['by-diff', 'empty', 'empty2', 'unknown'];
    assert.deepEqual(readdirSync(path).sort(), [published, own, gone, ...others].sort());
    const next = open(path, 'cccccccc');
    assert.deepEqual(
      next.sweep((owner) => owner === second),
      [],
      'a deletion that is under way is left alone',
    );
    const [taken = ''] = next.sweep((owner) => owner !== second && owner !== first);
    assert.match(taken, /^cccccccc-.*[.]gone$/, 'an unfinished deletion is taken up again');
  });

  test('an id from a request is never a path', () => {
    const snapshots = open(path, first);
    for (const id of ['../x', 'aaaaaaaa-1/../..', 'by-diff', '', '.']) {
      assert.throws(() => snapshots.checked(id), { code: 'KEEPER' }, id);
      assert.throws(() => snapshots.discard(id), { code: 'KEEPER' }, id);
    }
  });

  test('the keeper’s own unpublished ones go at its end', () => {
    const snapshots = open(path, first);
    const published = snapshots.create().id;
    snapshots.publish(published, 'k');
    const left = snapshots.create().id;
    const [gone = ''] = snapshots.discardOwn();
    assert.match(gone, /[.]gone$/);
    assert.deepEqual(
      [published, left].map((id) => readdirSync(path).includes(id)),
      [true, false],
    );
    assert.equal(snapshots.lookup('k'), published);
  });

  test('what a keeper found or published is not withdrawn as long as it lives', () => {
    const maker = open(path, first);
    const { id } = maker.create();
    maker.publish(id, 'k');
    maker.publish(id, 'l');
    const pruner = open(path, second);
    assert.deepEqual(
      pruner.published().map(({ keys, ...snapshot }) => [snapshot.id, keys.length]),
      [[id, 2]],
    );
    assert.equal(pruner.withdraw(id), undefined);
    const reader = open(path, 'cccccccc');
    assert.equal(reader.lookup('k'), id);
    // As at its end.
    maker.discardOwn();
    assert.equal(pruner.withdraw(id), undefined, 'another one found it');
  });

  test('what nobody uses is withdrawn with all its keys', () => {
    const maker = open(path, first);
    const { id } = maker.create();
    maker.publish(id, 'k');
    maker.publish(id, 'l');
    maker.discardOwn();
    const pruner = open(path, second);
    assert.match(pruner.withdraw(id) ?? '', /^bbbbbbbb-.*[.]gone$/);
    assert.equal(pruner.withdraw(id), undefined);
    assert.deepEqual(pruner.published(), []);
    assert.equal(pruner.lookup('k'), undefined);
    const again = pruner.create();
    assert.equal(pruner.publish(again.id, 'l'), again.id);
  });
});
