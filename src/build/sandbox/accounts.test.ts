import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../lib/errors.ts';
import { Accounts, ownerOfNumbers } from './accounts.ts';

const accounts = new Accounts(
  [
    '# a comment',
    'root:x:0:0:root:/root:/bin/sh',
    'www-data:x:33:33:www:/var/www:/bin/false',
    'app:x:1000:1001::/home/app:/bin/sh',
    'broken:x:many:1::/:',
    '2000:x:3000:3001::/odd:',
    'homeless:x:9:9',
  ].join('\n'),
  ['root:x:0:', 'www-data:x:33:app', 'docker:x:999:app,root', 'appgroup:x:1001:app', 'broken:x::app'].join(
    '\n',
  ),
);

describe('processUser', () => {
  const cases: Record<string, [uid: number, gid: number, groups: number[], home: string]> = {
    '': [0, 0, [0, 999], '/root'],
    root: [0, 0, [0, 999], '/root'],
    app: [1000, 1001, [1001, 33, 999], '/home/app'],
    '1000': [1000, 1001, [1001, 33, 999], '/home/app'],
    'app:www-data': [1000, 33, [33], '/home/app'],
    'app:5': [1000, 5, [5], '/home/app'],
    '77': [77, 0, [0], '/'],
    '77:78': [77, 78, [78], '/'],
    // A name that looks like a number is a name first, as in Docker.
    '2000': [3000, 3001, [3001], '/odd'],
    homeless: [9, 9, [9], '/'],
    'app:': [1000, 1001, [1001, 33, 999], '/home/app'],
  };
  for (const [spec, [uid, gid, groups, home]] of Object.entries(cases)) {
    test(`"${spec}"`, () => assert.deepEqual(accounts.processUser(spec), { uid, gid, groups, home }));
  }

  test('what the image does not have is NOT_FOUND', () => {
    for (const spec of ['nosuch', 'app:nosuch', 'broken', 'root:broken', '-1', '4294967295', '99999999999']) {
      assert.throws(() => accounts.processUser(spec), { code: 'NOT_FOUND' }, spec);
    }
  });
});

describe('owner', () => {
  test('a number alone is the group too; a name brings its group', () => {
    assert.deepEqual(accounts.owner('1000'), { uid: 1000, gid: 1000 });
    assert.deepEqual(accounts.owner('app'), { uid: 1000, gid: 1001 });
    assert.deepEqual(accounts.owner('7:docker'), { uid: 7, gid: 999 });
    assert.throws(() => accounts.owner('nosuch:1'), { code: 'NOT_FOUND' });
  });

  test('an empty side is root', () => {
    assert.deepEqual(accounts.owner('app:'), { uid: 1000, gid: 0 });
    assert.deepEqual(accounts.owner(':7'), { uid: 0, gid: 7 });
  });

  test('numbers need no accounts, names do', () => {
    assert.deepEqual(ownerOfNumbers('5'), { uid: 5, gid: 5 });
    assert.deepEqual(ownerOfNumbers('5:6'), { uid: 5, gid: 6 });
    assert.deepEqual(ownerOfNumbers(':6'), { uid: 0, gid: 6 });
    assert.deepEqual(ownerOfNumbers('5:'), { uid: 5, gid: 0 });
    for (const spec of ['app', '5:app', 'app:5', '-1']) assert.equal(ownerOfNumbers(spec), undefined, spec);
    assert.throws(() => ownerOfNumbers('4294967295'), { code: 'NOT_FOUND' });
  });
});

test('hostile files and names give an id or NOT_FOUND', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (passwd, group, spec) => {
      try {
        const { uid, gid } = new Accounts(passwd, group).processUser(spec);
        assert.ok(uid >= 0 && uid < 2 ** 32 - 1 && gid >= 0 && gid < 2 ** 32 - 1);
      } catch (error) {
        assert.ok(isFailure(error, 'NOT_FOUND'), String(error));
      }
    }),
  );
});
