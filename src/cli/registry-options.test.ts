import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { plainBooleans } from './go-booleans.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings, type Side } from './registry-options.ts';

function settings(argv: string[], side?: Side) {
  const command = addRegistryOptions(new Command(), { sides: side !== undefined }).exitOverride();
  command.configureOutput({ writeErr: () => {} }).parse(plainBooleans(command, argv), { from: 'user' });
  const found = registrySettings(command.opts<RegistryFlags>(), side);
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

test('nothing said is nothing set', () => assert.deepEqual(settings([]), {}));

test('each option reaches its setting', () => {
  const argv = ['--tls-verify=false', '--cert-dir', '/c', '--authfile', '/a', '--creds', 'me:p:w'];
  assert.deepEqual(settings([...argv, '--max-per-host=3', '--retry-times=0']), {
    tlsVerify: false,
    certDir: '/c',
    authFile: '/a',
    credential: { username: 'me', password: 'p:w' },
    connections: 3,
    retries: 0,
  });
  assert.deepEqual(settings(['--tls-verify', '--no-creds']), { tlsVerify: true, credential: 'anonymous' });
  assert.deepEqual(settings(['--registry-token', 't0k']), { credential: { registryToken: 't0k' } });
});

test('an end’s own option comes before the plain one', () => {
  const argv = ['--tls-verify', '--src-tls-verify=false', '--dest-registry-token=t', '--no-src-creds'];
  assert.deepEqual(settings(argv, 'src'), { tlsVerify: false, credential: 'anonymous' });
  assert.deepEqual(settings(argv, 'dest'), { tlsVerify: true, credential: { registryToken: 't' } });
});

test('what is malformed or contradicts itself is refused', () => {
  for (const argv of [['--creds=me'], ['--creds=a:b', '--registry-token=t'], ['--registry-token=a b']]) {
    assert.throws(() => settings(argv), { code: 'USAGE' }, argv.join(' '));
  }
  for (const argv of [['--max-per-host=0'], ['--retry-times=x'], ['--max-per-host=1e3']]) {
    assert.throws(() => settings(argv), { code: 'commander.invalidArgument' }, argv.join(' '));
  }
});
