import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';

/** How an archive that ADD unpacks is packed. */
export type ArchiveKind = 'tar' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes of a file's start that `archiveKind` looks at. */
export const headBytes = 128 * 1024;

/** How the bytes are compressed, by their magic numbers; `tar` where they are not. */
export function compressionOf(head: Buffer): ArchiveKind {
  if (head.subarray(0, 3).equals(Buffer.from('BZh'))) return 'bzip2';
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))) return 'xz';
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'tar';
}

/**
 * What kind of archive begins with `head`; undefined when it is none, whatever its name says. Of bzip2 and xz only the program that reads them
 * knows whether they hold a tar: `unsure`.
 */
export function archiveKind(
  head: Buffer,
): { readonly kind: ArchiveKind; readonly unsure: boolean } | undefined {
  const kind = compressionOf(head);
  if (kind === 'bzip2' || kind === 'xz') return { kind, unsure: true };
  const plain = plainHead(kind, head);
  return plain !== undefined && isTarBlock(plain) ? { kind, unsure: false } : undefined;
}

function plainHead(kind: ArchiveKind, head: Buffer): Buffer | undefined {
  try {
    if (kind === 'gzip') return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
    if (kind === 'zstd') return zstdDecompressSync(head, { finishFlush: constants.ZSTD_e_flush });
    return head;
  } catch {
    return undefined;
  }
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
