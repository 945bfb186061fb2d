import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes that the seed decides: half of them noise, half words, so that they compress about as programs do. */
export function seededBytes(seed: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let offset = 0, block = 0; offset < size; offset += 64, block++) {
    const digest = createHash('sha256').update(`${seed}/${block}`).digest();
    digest.copy(bytes, offset);
    Buffer.from(`${digest.toString('hex', 0, 2)} static const char name[] = "x"; `).copy(
      bytes,
      Math.min(offset + 32, size),
    );
  }
  return bytes;
}

/** `count` files of 100 to 3,100 bytes, fifty a directory. */
export function writeSmallFiles(directory: string, count: number, seed: string): void {
  for (let position = 0; position < count; position++) {
    const folder = join(directory, `d${Math.floor(position / 50)}`);
    if (position % 50 === 0) mkdirSync(folder, { recursive: true });
    const name = `${seed}/${position}`;
    const size = 100 + (createHash('sha256').update(name).digest().readUInt16BE(0) % 3000);
    writeFileSync(join(folder, `f${position}`), seededBytes(name, size));
  }
}

/** `count` files of `mebibytes` each. */
export function writeLargeFiles(directory: string, count: number, mebibytes: number, seed: string): void {
  mkdirSync(directory, { recursive: true });
  const pieces = Array.from({ length: 8 }, (_, piece) => seededBytes(`${seed}/${piece}`, 2 ** 20));
  for (let position = 0; position < count; position++) {
    const file = openSync(join(directory, `large${position}`), 'w');
    for (let piece = 0; piece < mebibytes; piece++)
      writeSync(file, pieces[(position + piece) % pieces.length] ?? Buffer.alloc(0));
    closeSync(file);
  }
}

/** `count` tars of `files` small files each, all in directories of their own below `usr/share/packages`. */
export function writeTars(
  directory: string,
  { count, files, seed }: { readonly count: number; readonly files: number; readonly seed: string },
): void {
  mkdirSync(directory, { recursive: true });
  for (let position = 0; position < count; position++) {
    const root = join(directory, 'root');
    writeSmallFiles(join(root, `usr/share/packages/p${position}`), files, `${seed}/${position}`);
    execFileSync('tar', [
      '--create',
      '--file',
      join(directory, `p${position}.tar`),
      '--directory',
      root,
      'usr',
    ]);
    rmSync(root, { recursive: true });
  }
}
