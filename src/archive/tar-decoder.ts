import { failure } from '../lib/errors.ts';
import { bytePathOfBytes, displayPath } from './byte-path.ts';
import { blockBytes } from './tar-header.ts';

/** A tar header block as it stands there, before extended headers act on it. */
export interface RawHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** One char. */
  readonly flag: string;
  readonly linkname: string;
  readonly devMajor: number;
  readonly devMinor: number;
}

/** Where the fields of a ustar header lie: [offset, length] (POSIX.1-2001, pax, "ustar Interchange Format"). */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  flag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  devMajor: [329, 8],
  devMinor: [337, 8],
  prefix: [345, 155],
} as const;

export function isZeroBlock(block: Buffer): boolean {
  // Header names start with a byte other than NUL, so nearly every block ends the loop at once.
  for (let i = 0; i < blockBytes; i++) if (block[i] !== 0) return false;
  return true;
}

/** ustar, GNU and old v7 headers. ARCHIVE when the checksum or a number is wrong. */
export function decodeHeader(block: Buffer, source: string): RawHeader {
  const stored = readNumber(block, fields.checksum, 'checksum', source);
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < blockBytes; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] as number);
    unsigned += byte;
    high += byte >> 7;
  }
  // Very old writers summed signed bytes.
  if (stored !== unsigned && stored !== unsigned - 256 * high) {
    throw failure('ARCHIVE', 'read archive', source, 'a header does not match its checksum');
  }
  const magic = block.toString('latin1', 257, 265);
  const ustar = magic.startsWith('ustar\0');
  const gnu = magic === 'ustar  \0';
  const prefix = ustar ? readText(block, fields.prefix) : '';
  const name = readText(block, fields.name);
  const flag = block.toString('latin1', 156, 157);
  const device = (ustar || gnu) && (flag === '3' || flag === '4');
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(block, fields.mode, 'mode', source) & 0o7777,
    uid: readNumber(block, fields.uid, 'uid', source),
    gid: readNumber(block, fields.gid, 'gid', source),
    size: readNumber(block, fields.size, 'size', source),
    mtime: readNumber(block, fields.mtime, 'mtime', source),
    flag,
    linkname: readText(block, fields.linkname),
    devMajor: device ? readNumber(block, fields.devMajor, 'device', source) : 0,
    devMinor: device ? readNumber(block, fields.devMinor, 'device', source) : 0,
  };
}

/** Bytes up to the first NUL, or the whole field. */
function readText(block: Buffer, [offset, length]: readonly [number, number]): string {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return end === offset ? '' : bytePathOfBytes(block.subarray(offset, end));
}

/** Octal with spaces or NULs around it, or base-256 when the first bit is set (GNU, star). */
function readNumber(
  block: Buffer,
  [offset, length]: readonly [number, number],
  what: string,
  source: string,
): number {
  const first = block[offset] as number;
  if (first & 0x80) return readBase256(block, offset, length, what, source);
  let at = offset;
  const end = offset + length;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  while (at < end) {
    const digit = (block[at] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
    at++;
  }
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  if (at < end) {
    const text = displayPath(block.toString('latin1', offset, end));
    throw failure('ARCHIVE', 'read archive', source, `${what} "${text}" is not a number`);
  }
  return value;
}

function readBase256(block: Buffer, offset: number, length: number, what: string, source: string): number {
  const negative = ((block[offset] as number) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  value = (value << 6n) | BigInt((block[offset] as number) & 0x3f);
  for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(block[offset + i] as number);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw failure('ARCHIVE', 'read archive', source, `${what} is too large`);
  return number;
}
