import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { emulatedArchitecture } from '../../build/sandbox/emulator-table.ts';
import { failure, reasonOf } from '../../lib/errors.ts';
import { hostPlatform } from '../../oci/platform.ts';

const versionMilliseconds = 5000;
/** Of an ELF file, what has to be read to know whether it is static: its program headers lie behind the first header. */
const maxHeaderBytes = 64 * 1024;
const interpreterSegment = 3;

/** `7.2.22`, as the program says; undefined for what is not qemu, is not there (registered from a container) or says nothing. */
export function emulatorVersion(path: string): string | undefined {
  if (!/^qemu-/.test(basename(path))) return undefined;
  const { stdout } = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: versionMilliseconds,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return /\bversion (\d[\w.]*)/.exec(stdout ?? '')?.[1];
}

/**
 * CONTENT_INVALID unless the file is a program of this machine that needs no loader: in another root it would look for that among the other
 * architecture's files.
 */
export function checkEmulatorProgram(path: string): void {
  const bad = (what: string) =>
    failure('CONTENT_INVALID', 'register', path, what, {
      hint: 'take one that is linked statically: apt-get install qemu-user-static',
    });
  const head = readHead(path, bad);
  const own = emulatedArchitecture(hostPlatform().architecture);
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) throw bad('it is no ELF program');
  const [is64, isLittle] = [head[4] === 2, head[5] === 1];
  const u16 = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const u32 = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  if (own !== undefined && u16(18) !== own.machine) throw bad('it is a program of another architecture');
  const at = is64 ? u32(isLittle ? 32 : 36) : u32(28);
  const [size, count] = is64 ? [u16(54), u16(56)] : [u16(42), u16(44)];
  if (size < 32 || at + size * count > head.length)
    throw bad('its program headers are not where they should be');
  for (let index = 0; index < count; index++) {
    if (u32(at + index * size) === interpreterSegment) throw bad('it is linked dynamically');
  }
}

function readHead(path: string, bad: (what: string) => Error): Buffer {
  const head = Buffer.alloc(maxHeaderBytes);
  try {
    const file = openSync(path, 'r');
    try {
      return head.subarray(0, readSync(file, head, 0, head.length, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw bad(reasonOf(error));
  }
}
