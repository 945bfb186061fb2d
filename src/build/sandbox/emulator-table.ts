import { normalizePlatform, type Platform } from '../../oci/platform.ts';

/** How an architecture's ELF files look, and who runs them where the processor does not. */
export interface Emulated {
  /** qemu's name of the architecture: `qemu-<name>-static`. */
  readonly qemu: string;
  readonly bits: 32 | 64;
  readonly order: 'little' | 'big';
  /** e_machine. */
  readonly machine: number;
}

/** Go's architecture → its ELF header (elf(5); the processors' ABI supplements). */
const table: Readonly<Record<string, Emulated>> = {
  '386': { qemu: 'i386', bits: 32, order: 'little', machine: 3 },
  amd64: { qemu: 'x86_64', bits: 64, order: 'little', machine: 62 },
  arm: { qemu: 'arm', bits: 32, order: 'little', machine: 40 },
  arm64: { qemu: 'aarch64', bits: 64, order: 'little', machine: 183 },
  loong64: { qemu: 'loongarch64', bits: 64, order: 'little', machine: 258 },
  mips: { qemu: 'mips', bits: 32, order: 'big', machine: 8 },
  mipsle: { qemu: 'mipsel', bits: 32, order: 'little', machine: 8 },
  mips64: { qemu: 'mips64', bits: 64, order: 'big', machine: 8 },
  mips64le: { qemu: 'mips64el', bits: 64, order: 'little', machine: 8 },
  ppc64: { qemu: 'ppc64', bits: 64, order: 'big', machine: 21 },
  ppc64le: { qemu: 'ppc64le', bits: 64, order: 'little', machine: 21 },
  riscv64: { qemu: 'riscv64', bits: 64, order: 'little', machine: 243 },
  s390x: { qemu: 's390x', bits: 64, order: 'big', machine: 22 },
};

/**
 * What else a processor runs by itself. arm on arm64 is not here: many server processors have no 32-bit mode, and Linux does not say which.
 */
const native: Readonly<Record<string, readonly string[]>> = { amd64: ['386'] };

export const knownArchitectures: readonly string[] = Object.keys(table);

export function emulatedArchitecture(architecture: string): Emulated | undefined {
  return Object.hasOwn(table, architecture) ? table[architecture] : undefined;
}

export function runsNatively(platform: Platform, host: Platform): boolean {
  const wanted = normalizePlatform(platform).architecture;
  const own = normalizePlatform(host).architecture;
  return wanted === own || (native[own]?.includes(wanted) ?? false);
}

const elfHeaderBytes = 20;

/**
 * The line for binfmt_misc's `register` (Linux, admin-guide/binfmt-misc.rst): magic and mask over the first 20 bytes of the ELF header, where the
 * OS ABI is any and the type an executable or a shared object. Flags: P keeps argv[0] (without it a shell's redirections go wrong in silence), O and C
 * pass the open file and its credentials (setuid programs), F opens the emulator now, so that it works in any root.
 */
export function binfmtLine(name: string, { bits, order, machine }: Emulated, interpreter: string): string {
  const magic = Buffer.alloc(elfHeaderBytes);
  magic.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, order === 'little' ? 1 : 2, 1]);
  const mask = Buffer.alloc(elfHeaderBytes, 0xff);
  mask[7] = 0;
  if (order === 'little') {
    magic.writeUInt16LE(2, 16);
    magic.writeUInt16LE(machine, 18);
    mask.writeUInt16LE(0xfffe, 16);
  } else {
    magic.writeUInt16BE(2, 16);
    magic.writeUInt16BE(machine, 18);
    mask.writeUInt16BE(0xfffe, 16);
  }
  return `:${name}:M::${escaped(magic)}:${escaped(mask)}:${interpreter}:POCF`;
}

function escaped(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
