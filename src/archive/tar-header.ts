import { failure } from '../lib/errors.ts';
import { type BytePath, baseNameOf, bytesOfPath, displayPath } from './byte-path.ts';
import { type EntryHeader, typeFlags } from './entry.ts';

export const blockBytes = 512;

const maxOctalId = 0o7777777;
const maxOctalSize = 0o77777777777;
const nameBytes = 100;
const prefixBytes = 155;

/** Zeros that fill content of `size` bytes up to a whole block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/**
 * The blocks before an entry's content: a ustar header, and before it a PAX one where ustar has no room (POSIX pax: long names, large ids
 * and sizes, extended attributes as SCHILY.xattr). Names of users, and times but mtime, are never written: equal entries, equal bytes.
 */
export function encodeHeader(entry: EntryHeader): Buffer {
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const link = entry.linkname ?? '';
  const split = splitName(path);
  const records: Buffer[] = [];
  if (split === undefined) records.push(paxRecord('path', bytesOfPath(path)));
  if (link.length > nameBytes) records.push(paxRecord('linkpath', bytesOfPath(link)));
  if (entry.size > maxOctalSize) records.push(paxRecord('size', String(entry.size)));
  if (entry.uid > maxOctalId) records.push(paxRecord('uid', String(entry.uid)));
  if (entry.gid > maxOctalId) records.push(paxRecord('gid', String(entry.gid)));
  if (entry.mtime < 0 || entry.mtime > maxOctalSize) records.push(paxRecord('mtime', String(entry.mtime)));
  if (entry.xattrs !== undefined) {
    for (const [name, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
      records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  }
  const header = ustar(
    entry,
    split ?? { prefix: '', name: path.slice(0, nameBytes) },
    link,
    typeFlags[entry.type],
  );
  if (records.length === 0) return header;
  const body = Buffer.concat(records);
  const pax = ustar(
    { ...entry, type: 'file', mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0 },
    { prefix: '', name: `PaxHeaders.0/${baseNameOf(entry.path)}`.slice(0, nameBytes) },
    '',
    'x',
  );
  return Buffer.concat([pax, body, Buffer.alloc(paddingOf(body.length)), header]);
}

/** `name` as it is, or cut at a slash into prefix and name; undefined when neither fits. */
function splitName(path: BytePath): { prefix: BytePath; name: BytePath } | undefined {
  if (path.length <= nameBytes) return { prefix: '', name: path };
  // A directory's own slash is no place to cut.
  const slash = path.lastIndexOf('/', Math.min(path.length - 2, prefixBytes));
  if (slash <= 0 || path.length - slash - 1 > nameBytes) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function ustar(
  entry: EntryHeader,
  name: { prefix: BytePath; name: BytePath },
  link: BytePath,
  flag: string,
): Buffer {
  const block = Buffer.allocUnsafe(blockBytes).fill(0);
  block.write(name.name, 0, 'latin1');
  octal(block, 100, 8, entry.mode & 0o7777, entry.path);
  octal(block, 108, 8, Math.min(entry.uid, maxOctalId), entry.path);
  octal(block, 116, 8, Math.min(entry.gid, maxOctalId), entry.path);
  octal(block, 124, 12, entry.size > maxOctalSize ? 0 : entry.size, entry.path);
  octal(block, 136, 12, Math.min(Math.max(entry.mtime, 0), maxOctalSize), entry.path);
  block.fill(0x20, 148, 156);
  block[156] = flag.charCodeAt(0);
  if (link !== '') block.write(link.slice(0, nameBytes), 157, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  if (entry.type === 'char' || entry.type === 'block') {
    octal(block, 329, 8, entry.devMajor ?? 0, entry.path);
    octal(block, 337, 8, entry.devMinor ?? 0, entry.path);
  }
  if (name.prefix !== '') block.write(name.prefix, 345, 'latin1');
  // Of what is not zero only: there is a header for every file.
  const linkEnd = 157 + Math.min(link.length, nameBytes);
  const sum =
    sumOf(block, 0, name.name.length) +
    sumOf(block, 100, linkEnd) +
    sumOf(block, 257, 265) +
    sumOf(block, 329, 345 + name.prefix.length);
  octal(block, 148, 7, sum, entry.path);
  block[154] = 0;
  return block;
}

/** Bytes of a header, added up. Not by for…of, which is ten times slower. */
function sumOf(block: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += block[at] ?? 0;
  return sum;
}

function octal(block: Buffer, offset: number, width: number, value: number, path: BytePath): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 8 ** (width - 1)) {
    throw failure('ARCHIVE', 'write', displayPath(path), `${value} is no number that a tar header can hold`);
  }
  let rest = value;
  for (let at = offset + width - 2; at >= offset; at--) {
    const above = Math.floor(rest / 8);
    block[at] = 0x30 + rest - above * 8;
    rest = above;
  }
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: Buffer | string): Buffer {
  const rest = Buffer.concat([
    Buffer.from(` ${key}=`, 'latin1'),
    Buffer.from(value as string),
    Buffer.from('\n'),
  ]);
  let length = rest.length + String(rest.length).length;
  if (String(length).length !== String(rest.length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
