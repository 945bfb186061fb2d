import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePlatform } from '../../oci/platform.ts';
import { binfmtLine, emulatedArchitecture, runsNatively } from './emulator-table.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');

/** Whether binfmt_misc would take a file for the line's: magic and mask over its first bytes. */
function matches(line: string, header: Buffer): boolean {
  const [, , , , magic = '', mask = ''] = line.split(':');
  const bytes = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');
  const [wanted, bits] = [bytes(magic), bytes(mask)];
  return wanted.every((byte, at) => ((header[at] ?? 0) & (bits[at] ?? 0)) === (byte & (bits[at] ?? 0)));
}

function elf(bits: 32 | 64, order: 'little' | 'big', type: number, machine: number, abi = 0): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, order === 'little' ? 1 : 2, 1, abi]);
  const order2 = order === 'little';
  if (order2) header.writeUInt16LE(type, 16);
  else header.writeUInt16BE(type, 16);
  if (order2) header.writeUInt16LE(machine, 18);
  else header.writeUInt16BE(machine, 18);
  return header;
}

function lineOf(architecture: string): string {
  const emulated = emulatedArchitecture(architecture);
  assert.ok(emulated);
  return binfmtLine('x', emulated, '/q');
}

describe('emulators', () => {
  test('what a processor runs itself is read both ways', () => {
    assert.ok(runsNatively(amd64, amd64));
    assert.ok(runsNatively(parsePlatform('linux/386'), amd64));
    assert.ok(runsNatively(parsePlatform('linux/amd64/v3'), amd64));
    assert.ok(runsNatively(parsePlatform('linux/arm64/v8'), arm64));
    for (const [platform, host] of [
      ['linux/arm64', amd64],
      ['linux/amd64', arm64],
      ['linux/386', arm64],
      ['linux/arm/v7', arm64],
    ] as const) {
      assert.equal(runsNatively(parsePlatform(platform), host), false, platform);
    }
  });

  test('the line for arm64 is the one that is known to work', () => {
    assert.equal(
      lineOf('arm64'),
      ':x:M::\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00' +
        ':\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/q:POCF',
    );
  });

  test('a line takes its own executables and shared objects, of any ABI, and nothing else’s', () => {
    const files: Record<string, Buffer[]> = {
      arm64: [elf(64, 'little', 2, 183), elf(64, 'little', 3, 183), elf(64, 'little', 2, 183, 3)],
      arm: [elf(32, 'little', 2, 40)],
      amd64: [elf(64, 'little', 3, 62)],
      '386': [elf(32, 'little', 2, 3)],
      s390x: [elf(64, 'big', 3, 22)],
      ppc64: [elf(64, 'big', 2, 21)],
      ppc64le: [elf(64, 'little', 2, 21)],
      mips64le: [elf(64, 'little', 2, 8)],
      mipsle: [elf(32, 'little', 2, 8)],
    };
    for (const architecture of Object.keys(files)) {
      for (const [other, headers] of Object.entries(files)) {
        for (const header of headers) {
          assert.equal(
            matches(lineOf(architecture), header),
            architecture === other,
            `${architecture}, ${other}`,
          );
        }
      }
    }
    assert.equal(matches(lineOf('arm64'), elf(64, 'little', 1, 183)), false, 'an object file is no program');
  });
});
