import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entitlements, runDefaults } from './run-defaults.ts';

test('hosts, limits and sizes as Docker writes them', () => {
  assert.deepEqual(runDefaults({}), {});
  assert.deepEqual(
    runDefaults({
      addHosts: ['a.test:192.0.2.1', 'b=::1', 'c:[2001:db8::1]'],
      ulimits: ['nofile=10:20', 'core=0', 'memlock=-1'],
      shmSize: '1g',
    }),
    {
      extraHosts: [
        { name: 'a.test', address: '192.0.2.1' },
        { name: 'b', address: '::1' },
        { name: 'c', address: '2001:db8::1' },
      ],
      ulimits: [
        { name: 'nofile', soft: 10, hard: 20 },
        { name: 'core', soft: 0, hard: 0 },
        { name: 'memlock', soft: -1, hard: -1 },
      ],
      shmBytes: 1024 ** 3,
    },
  );
});

test('what is none of them is refused', () => {
  for (const addHosts of [['a'], ['a:b'], [':1.2.3.4'], ['a b:1.2.3.4']])
    assert.throws(() => runDefaults({ addHosts }), { code: 'USAGE' }, addHosts[0]);
  assert.throws(() => runDefaults({ addHosts: ['a:host-gateway'] }), { code: 'UNSUPPORTED' });
  for (const text of ['nofile', 'nofile=', 'nofile=2:1', 'nofile=-1:5', 'nothing=1', 'NOFILE=1'])
    assert.throws(() => runDefaults({ ulimits: [text] }), { code: 'USAGE' }, text);
  for (const shmSize of ['', '0', 'x']) assert.throws(() => runDefaults({ shmSize }), { code: 'USAGE' });
  assert.throws(() => entitlements(['device']), { code: 'USAGE' });
});
