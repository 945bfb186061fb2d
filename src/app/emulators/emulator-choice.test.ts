import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../lib/errors.ts';
import { chooseArchitectures, foreignArchitectures } from './emulator-choice.ts';

const [amd64, arm64] = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));

test('all is what the machine does not run itself, whichever it is', () => {
  const names = (host = amd64) => foreignArchitectures(host).map(({ architecture }) => architecture);
  assert.ok(
    names(amd64).includes('arm64') && !names(amd64).includes('amd64') && !names(amd64).includes('386'),
  );
  assert.ok(
    names(arm64).includes('amd64') && names(arm64).includes('386') && !names(arm64).includes('arm64'),
  );
  assert.deepEqual(chooseArchitectures(['all'], arm64), foreignArchitectures(arm64));
});

test('architectures are named as platforms are, each once', () => {
  const chosen = chooseArchitectures(['aarch64,riscv64', 'linux/arm64', 'linux/arm/v7'], amd64);
  assert.deepEqual(
    chosen.map(({ name }) => name),
    ['qemu-aarch64', 'qemu-riscv64', 'qemu-arm'],
  );
  for (const [word, host] of [
    ['amd64', amd64],
    ['386', amd64],
    ['arm64', arm64],
    ['wasm', amd64],
    ['nothing', amd64],
  ] as const) {
    assert.throws(
      () => chooseArchitectures([word], host),
      (error) => isFailure(error, 'USAGE'),
      word,
    );
  }
});
