import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SnapshotDirectory } from './snapshot-directory.ts';

const [first, second] = ['aaaaaaaa', 'bbbbbbbb'];

describe('SnapshotDirectory', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'polyarch-snapshots-'));
  });
  afterEach(() => rmSync(path, { recursive: true }));

  test('is found by key when it is published, by other keepers too', () => {
    const snapshots = new SnapshotDirectory(path, first, 'boot');
    const { id } = snapshots.create();
    assert.equal(snapshots.lookup('k'), undefined);
    assert.equal(snapshots.publish(id, 'k'), id);
    assert.equal(new SnapshotDirectory(path, second, 'boot').lookup('k'), id);
  });

  test('the first to publish a key wins', () => {
    const one = new SnapshotDirectory(path, first, 'boot');
    const other = new SnapshotDirectory(path, second, 'boot');
    const { id } = one.create();
    one.publish(id, 'k');
    assert.equal(other.publish(other.create().id, 'k'), id);
  });

  test('what was never synced is not believed after a restart', () => {
    const before = new SnapshotDirectory(path, first, 'boot');
    const kept = before.create();
    before.publish(kept.id, 'kept');
    before.markSynced(before.unsynced());
    before.publish(before.create().id, 'lost');
    const after = new SnapshotDirectory(path, second, 'another');
    assert.equal(after.lookup('lost'), undefined);
    assert.equal(after.lookup('kept'), kept.id);
    const again = after.create();
    assert.equal(after.publish(again.id, 'lost'), again.id);
  });

  test('a sweep takes what dead keepers left, and nothing else', () => {
    const dead = new SnapshotDirectory(path, first, 'boot');
    const published = dead.create().id;
    dead.publish(published, 'k');
    const left = dead.create().id;
    const living = new SnapshotDirectory(path, second, 'boot');
    const own = living.create().id;
    writeFileSync(join(path, 'unknown'), '');
    assert.deepEqual(
      living.sweep((owner) => owner === first),
      [],
    );
    assert.deepEqual(
      living.sweep(() => false),
      [`${left}.gone`],
    );
    assert.deepEqual(readdirSync(path).sort(), [
      `${published}`,
      `${left}.gone`,
      own,
      'by-diff',
      'empty',
      'empty2',
      'unknown',
    ]);
    assert.deepEqual(
      living.sweep(() => false),
      [`${left}.gone`],
      'an unfinished deletion is taken up again',
    );
  });

  test('an id from a request is never a path', () => {
    const snapshots = new SnapshotDirectory(path, first, 'boot');
    for (const id of ['../x', 'aaaaaaaa-1/../..', 'by-diff', '', '.']) {
      assert.throws(() => snapshots.checked(id), { code: 'KEEPER' }, id);
      assert.throws(() => snapshots.discard(id), { code: 'KEEPER' }, id);
    }
  });

  test('the keeper’s own unpublished ones go at its end', () => {
    const snapshots = new SnapshotDirectory(path, first, 'boot');
    const published = snapshots.create().id;
    snapshots.publish(published, 'k');
    const left = snapshots.create().id;
    assert.deepEqual(snapshots.discardOwn(), [`${left}.gone`]);
    assert.equal(snapshots.lookup('k'), published);
  });
});
