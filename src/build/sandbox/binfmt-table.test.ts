import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRegistration, readRegistrations } from './binfmt-table.ts';
import { binfmtLine, emulatedArchitecture, knownArchitectures } from './emulator-table.ts';
import { isFor, serves } from './emulators.ts';

/** As the kernel shows a line that was written to `register`. */
function shown(line: string, state = 'enabled'): string {
  const [, , , , magic = '', mask = '', interpreter = '', flags = ''] = line.split(':');
  const hex = (text: string) => text.replaceAll('\\x', '');
  return `${state}\ninterpreter ${interpreter}\nflags: ${flags}\noffset 0\nmagic ${hex(magic)}\nmask ${hex(mask)}\n`;
}

test('a registration is for the one architecture that its magic is of', () => {
  for (const name of knownArchitectures) {
    const emulated = emulatedArchitecture(name);
    assert.ok(emulated);
    const text = shown(binfmtLine('x', emulated, '/usr/bin/qemu'));
    const fitting = knownArchitectures.filter((one) => isFor(text, emulatedArchitecture(one) ?? emulated));
    assert.deepEqual(fitting, [name]);
    assert.ok(serves(text, emulated));
    assert.ok(!serves(text.replace('POCF', 'POC'), emulated));
    assert.ok(!serves(text.replace('enabled', 'disabled'), emulated));
  }
});

test('what the kernel shows is read: also of programs that are told by their name', () => {
  const text = 'disabled\ninterpreter /usr/bin/some thing\nflags: \nextension .exe\n';
  assert.deepEqual(parseRegistration('wine', text), {
    name: 'wine',
    enabled: false,
    interpreter: '/usr/bin/some thing',
    flags: '',
    text,
  });
  assert.deepEqual(readRegistrations('/nowhere'), []);
});
