import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostsFile, resolvConf } from './network-files.ts';

test('extra hosts stand behind the usual ones, in their order', () => {
  const extra = [
    { name: 'b', address: '192.0.2.1' },
    { name: 'a', address: '2001:db8::1' },
  ];
  assert.match(
    hostsFile('h', extra),
    /^127\.0\.0\.1\tlocalhost h\n::1\t.*\n192\.0\.2\.1\tb\n2001:db8::1\ta\n$/,
  );
});

test('servers are the host’s, Docker’s where it has none, and none without a network', () => {
  assert.equal(resolvConf('none', 'nameserver 192.0.2.1\n'), '');
  assert.equal(resolvConf('host', 'search x\n nameserver 192.0.2.1'), 'search x\n nameserver 192.0.2.1\n');
  for (const host of [undefined, '', '# nameserver 192.0.2.1\n'])
    assert.equal(resolvConf('host', host), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
});
