import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  explainUnshare,
  identityRanges,
  isAlone,
  mapIds,
  noNewPrivileges,
  parseRanges,
  subordinateRange,
} from './user-namespace.ts';

test('a namespace whose ids cannot be mapped is no sandbox, so that another is tried', async (t) => {
  const nobody = 2 ** 22 + 1;
  const { getuid = () => -1 } = process;
  t.after(() => {
    process.getuid = getuid;
  });
  for (const uid of [0, 1000]) {
    process.getuid = () => uid;
    await assert.rejects(mapIds(nobody, { ids: 'single' }), { code: 'SANDBOX', hint: /./ });
  }
});

describe('identityRanges', () => {
  test('the whole of all ids is two ranges, so that a runtime sees a user namespace', () => {
    assert.deepEqual(identityRanges('         0          0 4294967295\n'), [
      { inside: 0, outside: 0, count: 1 },
      { inside: 1, outside: 1, count: 4294967294 },
    ]);
  });

  test('inside another user namespace, the ids that there are', () => {
    assert.deepEqual(identityRanges('0 1000 1\n1 100000 65536\n'), [
      { inside: 0, outside: 0, count: 1 },
      { inside: 1, outside: 1, count: 65536 },
    ]);
  });

  test('every id of the map is mapped to itself, none twice', () => {
    const range = fc.record({
      inside: fc.nat(1e6),
      outside: fc.nat(1e6),
      count: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(range, ({ inside, outside, count }) => {
        const text = `${inside} ${outside} ${count}\n`;
        const found = identityRanges(text);
        assert.equal(
          found.reduce((sum, one) => sum + one.count, 0),
          count,
        );
        assert.ok(found.every((one) => one.inside === one.outside));
        assert.deepEqual(parseRanges(text), [{ inside, outside, count }]);
      }),
    );
  });
});

test('the largest subordinate range is the user’s, by name or number', () => {
  const text = 'other:1:65536\nme:100000:1000\n1000:200000:65536\nme:x:y\n';
  assert.deepEqual(subordinateRange(text, { username: 'me', uid: 1000 }), { start: 200000, count: 65536 });
  assert.equal(subordinateRange(text, { username: 'nobody', uid: 9 }), undefined);
});

test('what unshare says has a hint', () => {
  const hint = (text: string): string => (explainUnshare(text) as Error & { hint?: string }).hint ?? '';
  assert.match(hint('unshare: unshare failed: No space left on device'), /max_user_namespaces/);
  assert.match(hint('unshare: unshare failed: Operation not permitted'), /apparmor|privileged/);
});

test('no_new_privs is read from a process’s status', () => {
  assert.equal(noNewPrivileges('CapBnd:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n'), true);
  assert.equal(noNewPrivileges('NoNewPrivs:\t0\n'), false);
});

test('a namespace of one id is told apart from those that have more', () => {
  assert.equal(isAlone('         0       1000          1\n'), true);
  assert.equal(isAlone('         0       1000          1\n         1     100000      65536\n'), false);
  assert.equal(isAlone('         0          0 4294967295\n'), false);
  assert.equal(isAlone(''), false);
});
