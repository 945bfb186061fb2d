import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePlatform } from '../../oci/platform.ts';
import { type EmulationProbe, isLinuxSince, planEmulation } from './emulators.ts';

const platforms = (...texts: string[]) => texts.map((text) => parsePlatform(text));

const registered = [
  'enabled',
  'interpreter /usr/bin/qemu-aarch64-static',
  'flags: POCF',
  'offset 0',
  'magic 7f454c460201010000000000000000000200b700',
  'mask ffffffffffffff00fffffffffffffffffeffffff',
  '',
].join('\n');

function machine(
  programs: readonly string[],
  registrations: readonly string[] = [],
  host = 'linux/amd64',
): EmulationProbe {
  return {
    host: parsePlatform(host),
    findProgram: (name) => (programs.includes(name) ? `/usr/bin/${name}` : undefined),
    registrations: () => registrations,
    hasPrivateTables: true,
  };
}

test('a kernel is as new as its first two numbers', () => {
  for (const [kernel, isNew] of [
    ['6.18.44-cloud', true],
    ['6.7', true],
    ['7.0.0', true],
    ['6.1.0-13-amd64', false],
    ['5.15.167.4-microsoft-standard-WSL2', false],
    ['unheard-of', true],
  ] as const)
    assert.equal(isLinuxSince(6, 7, kernel), isNew, kernel);
});

describe('planEmulation', () => {
  test('native platforms need nothing', () => {
    assert.deepEqual(planEmulation(platforms('linux/amd64', 'linux/386'), machine([])), { kind: 'none' });
  });

  test('programs of this machine are registered, one line an architecture', () => {
    const plan = planEmulation(
      platforms('linux/arm64', 'linux/arm64', 'linux/amd64', 'linux/arm/v7', 'linux/arm/v6'),
      machine(['qemu-aarch64-static', 'qemu-arm-static']),
    );
    assert.equal(plan.kind, 'private');
    assert.deepEqual(plan.kind === 'private' && plan.lines.map((line) => line.split(':').slice(1, 2)[0]), [
      'qemu-aarch64',
      'qemu-arm',
    ]);
    assert.ok(plan.kind === 'private' && plan.lines[0]?.endsWith(':/usr/bin/qemu-aarch64-static:POCF'));
  });

  for (const [host, foreign, names] of [
    ['linux/arm64', ['linux/amd64', 'linux/386', 'linux/arm/v7'], ['qemu-x86_64', 'qemu-i386', 'qemu-arm']],
    ['linux/s390x', ['linux/amd64', 'linux/arm64'], ['qemu-x86_64', 'qemu-aarch64']],
    ['linux/riscv64', ['linux/riscv64', 'linux/ppc64le'], ['qemu-ppc64le']],
  ] as const) {
    test(`a ${host} machine emulates ${foreign.join(', ')} by the same table`, () => {
      const probe = machine(
        names.map((name) => `${name}-static`),
        [],
        host,
      );
      assert.deepEqual(planEmulation(platforms(host), probe), { kind: 'none' });
      const plan = planEmulation(platforms(host, ...foreign), probe);
      assert.deepEqual(plan.kind === 'private' && plan.lines.map((line) => line.split(':')[1]), names);
      assert.throws(() => planEmulation(platforms(...foreign), machine([], [], host)), { code: 'EMULATOR' });
    });
  }

  test('the machine’s own registrations serve where programs are missing', () => {
    assert.deepEqual(planEmulation(platforms('linux/arm64'), machine([], [registered])), { kind: 'host' });
  });

  test('and before Linux 6.7, where they are the only table', () => {
    const probe = { ...machine(['qemu-aarch64-static'], [registered]), hasPrivateTables: false };
    assert.deepEqual(planEmulation(platforms('linux/arm64'), probe), { kind: 'host' });
    assert.equal(
      planEmulation(platforms('linux/arm64'), { ...probe, registrations: () => [] }).kind,
      'private',
    );
  });

  test('a registration without F, switched off, or of another architecture does not serve', () => {
    for (const text of [
      registered.replace('POCF', 'PO'),
      registered.replace('enabled', 'disabled'),
      registered.replace('b700\n', '2800\n'),
    ]) {
      assert.throws(() => planEmulation(platforms('linux/arm64'), machine([], [text])), { code: 'EMULATOR' });
    }
  });

  test('what nothing runs is named, with what to install', () => {
    assert.throws(
      () => planEmulation(platforms('linux/arm64', 'linux/s390x'), machine(['qemu-aarch64-static'])),
      {
        code: 'EMULATOR',
        message: /linux\/s390x.*qemu-s390x-static/,
        hint: /apt-get install qemu-user-static/,
      },
    );
    assert.throws(() => planEmulation(platforms('linux/sparc64'), machine([])), { code: 'EMULATOR' });
  });
});
