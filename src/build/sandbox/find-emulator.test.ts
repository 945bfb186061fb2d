import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findEmulator, privateEmulators } from './find-emulator.ts';

test('the user’s own emulator comes before the machine’s, by the file that the link leads to now', () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'polyarch-emulator-')));
  try {
    const [machine, own] = [join(home, 'bin'), join(home, 'emulators', '1234')];
    for (const directory of [machine, own, join(home, privateEmulators)])
      mkdirSync(directory, { recursive: true });
    const env = { PATH: machine, POLYARCH_HOME: home };
    const name = 'qemu-nothing-static';
    assert.equal(findEmulator(name, env), undefined);
    writeFileSync(join(machine, name), '', { mode: 0o755 });
    assert.equal(findEmulator(name, env), join(machine, name));
    const link = join(home, privateEmulators, name);
    symlinkSync('../1234/qemu-nothing', link);
    assert.equal(findEmulator(name, env), join(machine, name), 'the link leads nowhere');
    writeFileSync(join(own, 'qemu-nothing'), '', { mode: 0o755 });
    assert.equal(findEmulator(name, env), join(own, 'qemu-nothing'));
  } finally {
    rmSync(home, { recursive: true });
  }
});
