import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { csvFields } from './csv-fields.ts';
import { mountSource, readMount } from './read-mount.ts';

class Refused extends Error {}
const fail = (what: string): Error => new Refused(what);
const read = (text: string) => readMount(text, { expand: (value) => value.replace('$V', 'v'), fail });

describe('--mount', () => {
  test('fields in any order and spelling', () => {
    const none = { from: '', source: '', target: '', size: 0, id: '', required: false };
    assert.deepEqual(read('target=/x'), { ...none, type: 'bind', target: '/x', readOnly: true });
    assert.deepEqual(read('TYPE=Bind,FROM=a,src=b,"dst=/x,y",rw'), {
      ...none,
      ...{ type: 'bind', from: 'a', source: 'b', target: '/x,y', readOnly: false },
    });
    assert.deepEqual(read('type=cache,id=$V,destination=/c,sharing=Locked,mode=0700,uid=1,gid=2,ro=0'), {
      ...none,
      ...{
        type: 'cache',
        id: 'v',
        target: '/c',
        sharing: 'locked',
        mode: 0o700,
        uid: 1,
        gid: 2,
        readOnly: false,
      },
    });
    assert.deepEqual(read('type=tmpfs,target=/t,size=2k,readonly'), {
      ...none,
      ...{ type: 'tmpfs', target: '/t', size: 2048, readOnly: true },
    });
    assert.deepEqual(read('type=secret,id=a,env=B,required'), {
      ...none,
      ...{ type: 'secret', id: 'a', env: 'B', required: true, readOnly: true },
    });
  });

  test('what it needs is known before variables have values', () => {
    assert.equal(mountSource('type=$T,from=stage,target=$X', fail), 'stage');
    assert.equal(mountSource('target=/x', fail), undefined);
    assert.throws(() => mountSource('from=$X,target=/x', fail), Refused);
  });

  test('required and size count for the type in front of them', () => {
    assert.throws(() => read('required,type=secret,id=a'), Refused);
    assert.throws(() => read('type=ssh,env=A'), /env/);
  });

  test('any text is read or refused', () => {
    const field = fc.tuple(
      fc.constantFrom(
        'type',
        'from',
        'target',
        'ro',
        'size',
        'id',
        'sharing',
        'mode',
        'uid',
        'env',
        'required',
        '"',
      ),
      fc.oneof(fc.constantFrom('bind', 'cache', 'secret', 'ssh', 'true', '1', '/x'), fc.string()),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(field).map((fields) => fields.map((pair) => pair.join('=')).join(',')),
    );
    fc.assert(
      fc.property(text, (written) => {
        try {
          const mount = read(written);
          assert.ok(mount.size >= 0);
        } catch (error) {
          assert.ok(error instanceof Refused, String(error));
        }
      }),
    );
  });
});

test('comma-separated values, quoted as in Go', () => {
  const cases: Readonly<Record<string, readonly string[] | string>> = {
    '': [''],
    'a,b': ['a', 'b'],
    'a,': ['a', ''],
    '"a,b",c': ['a,b', 'c'],
    '"a""b"': ['a"b'],
    'a"b': 'bare " in non-quoted-field',
    '"a': 'extraneous or missing " in quoted-field',
    '"a"b': 'extraneous or missing " in quoted-field',
  };
  for (const [line, fields] of Object.entries(cases)) assert.deepEqual(csvFields(line), fields, line);
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
      const line = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',');
      assert.deepEqual(csvFields(line), fields);
    }),
  );
});
