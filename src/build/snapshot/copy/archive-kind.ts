/** How an archive that ADD unpacks is packed. */
export type ArchiveKind = 'tar' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes of a file's start that say what it is. */
export const headBytes = 512;

/** How the bytes are compressed, by their magic numbers; `tar` where they are not. */
export function compressionOf(head: Buffer): ArchiveKind {
  if (head.subarray(0, 3).equals(Buffer.from('BZh'))) return 'bzip2';
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))) return 'xz';
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'tar';
}

/** A header whose checksum holds: old archives have no magic. */
export function isTarBlock(bytes: Buffer): boolean {
  if (bytes.length < 512) return false;
  const stored = Number.parseInt(
    bytes
      .toString('latin1', 148, 156)
      .replace(/[\0 ]+$/, '')
      .trim(),
    8,
  );
  let sum = 8 * 0x20;
  for (let index = 0; index < 512; index++) if (index < 148 || index >= 156) sum += bytes[index] ?? 0;
  return stored === sum && sum > 8 * 0x20;
}
