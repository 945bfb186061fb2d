import { closeSync, readSync } from 'node:fs';
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { displayPath } from '../../../archive/byte-path.ts';
import { failure } from '../../../lib/errors.ts';
import type { RootedTree } from './rooted-tree.ts';
import type { SelectedEntry } from './select-sources.ts';

const headBytes = 128 * 1024;

/** UNSUPPORTED when ADD would have to unpack the file: a tar archive, plain or compressed. Anything else is copied as it is. */
export function refuseArchive(tree: RootedTree, entry: SelectedEntry, name: string): void {
  const kind = archiveKind(readHead(tree, entry));
  if (kind === undefined) return;
  throw failure('UNSUPPORTED', 'add', displayPath(name), `unpacking a ${kind} archive is not supported`, {
    hint: 'unpack it in a RUN step, or COPY it as it is',
  });
}

function archiveKind(head: Buffer): string | undefined {
  // What these two hold cannot be seen without their decoders.
  if (head.subarray(0, 3).equals(Buffer.from('BZh'))) return 'bzip2';
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))) return 'xz';
  if (isTarBlock(head)) return 'tar';
  try {
    if (head[0] === 0x1f && head[1] === 0x8b) {
      return isTarBlock(gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH })) ? 'gzip' : undefined;
    }
    if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) {
      return isTarBlock(zstdDecompressSync(head, { finishFlush: constants.ZSTD_e_flush }))
        ? 'zstd'
        : undefined;
    }
  } catch {
    return undefined;
  }
  return undefined;
}

/** A header whose checksum holds: old archives have no magic. */
function isTarBlock(bytes: Buffer): boolean {
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

function readHead(tree: RootedTree, entry: SelectedEntry): Buffer {
  const fd = tree.open(entry.source, entry.stats);
  try {
    const head = Buffer.alloc(Math.min(headBytes, Number(entry.stats.size)));
    let used = 0;
    for (let count = -1; count !== 0 && used < head.length; used += count)
      count = readSync(fd, head, used, head.length - used, null);
    return head.subarray(0, used);
  } finally {
    closeSync(fd);
  }
}
