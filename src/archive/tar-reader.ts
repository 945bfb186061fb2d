import { failure } from '../lib/errors.ts';
import { type BytePath, bytePathOfBytes } from './byte-path.ts';
import type { EntryHeader, EntryType } from './entry.ts';
import { blockBytes, paddingOf } from './tar-header.ts';

/** Most bytes of a PAX header or GNU long name. */
export const maxTarMetadataBytes = 1024 * 1024;
/** Most entries of one archive. */
export const maxTarEntries = 4_000_000;

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** What the parser calls: `entry`, then `content` for each piece of a file's bytes, in order. Both may be slow: the parser waits. */
export interface TarSink {
  entry(header: EntryHeader): Promise<void> | void;
  content?(bytes: Buffer): Promise<void> | void;
}

type Pax = ReadonlyMap<string, Buffer>;

/**
 * Reads ustar, PAX, GNU long names and old V7 archives as they arrive; memory does not follow their size. Paths are what the archive has
 * and may be hostile. ARCHIVE on anything malformed, LIMIT on metadata without end.
 */
export class TarReader {
  readonly #sink: TarSink;
  #pending = Buffer.alloc(0);
  /** Content bytes still to come of the current entry, and the zeros after them. */
  #remaining = 0;
  #padding = 0;
  /** Gathers a PAX header or long name instead of passing content on. */
  #gather: { flag: string; pieces: Buffer[] } | undefined;
  #global: Pax = new Map();
  #pax: Pax = new Map();
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #entries = 0;
  #ended = false;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** The chunk is not kept. */
  async write(chunk: Buffer): Promise<void> {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (bytes.length > 0 && !this.#ended) {
      if (this.#remaining > 0) {
        const piece = bytes.subarray(0, this.#remaining);
        bytes = bytes.subarray(piece.length);
        this.#remaining -= piece.length;
        if (this.#gather) this.#gather.pieces.push(Buffer.from(piece));
        else await this.#sink.content?.(piece);
        if (this.#remaining === 0) this.#endGather();
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, bytes.length);
        this.#padding -= skipped;
        bytes = bytes.subarray(skipped);
      } else if (bytes.length < blockBytes) {
        this.#pending = Buffer.from(bytes);
        return;
      } else {
        await this.#header(bytes.subarray(0, blockBytes));
        bytes = bytes.subarray(blockBytes);
      }
    }
  }

  /** ARCHIVE when the archive stops inside an entry. */
  end(): void {
    if (this.#remaining > 0 || this.#padding > 0 || (this.#pending.length > 0 && !this.#ended)) {
      throw malformed('it ends inside an entry');
    }
  }

  async #header(block: Buffer): Promise<void> {
    // Two zero blocks end an archive; writers and readers in the field make do with one.
    if (block.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    checkSum(block);
    const flag = String.fromCharCode(block[156] ?? 0);
    const size = this.#number(block, 124, 12, 'size');
    if (flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K') {
      if (size > maxTarMetadataBytes) {
        throw failure(
          'LIMIT',
          'read',
          'tar archive',
          `a header of ${size} bytes, more than ${maxTarMetadataBytes}`,
        );
      }
      this.#gather = { flag, pieces: [] };
      this.#remaining = size;
      this.#padding = paddingOf(size);
      if (size === 0) this.#endGather();
      return;
    }
    await this.#entry(block, flag, size);
  }

  async #entry(block: Buffer, flag: string, headerSize: number): Promise<void> {
    this.#entries++;
    if (this.#entries > maxTarEntries)
      throw failure('LIMIT', 'read', 'tar archive', `more than ${maxTarEntries} entries`);
    const pax = (key: string) => this.#pax.get(key) ?? this.#global.get(key);
    if (flag === 'S' || pax('GNU.sparse.major') || pax('GNU.sparse.map')) {
      throw failure('UNSUPPORTED', 'read', 'tar archive', 'sparse entries are not supported');
    }
    let type = types[flag];
    if (type === undefined) throw malformed(`an entry of unknown type ${JSON.stringify(flag)}`);
    const path = pax('path') ?? this.#longName ?? ustarName(block);
    // V7 archives mark directories by the slash alone.
    if (type === 'file' && flag !== '7' && path.at(-1) === 0x2f) type = 'directory';
    const size = decimal(pax('size'), headerSize);
    const time = Number(pax('mtime')?.toString('latin1') ?? this.#number(block, 136, 12, 'mtime'));
    if (!Number.isFinite(time)) throw malformed('an entry has no valid time');
    const link = pax('linkpath') ?? this.#longLink ?? cString(block.subarray(157, 257));
    const xattrs = this.#xattrs();
    const header: EntryHeader = {
      path: bytePathOfBytes(path),
      type,
      mode: this.#number(block, 100, 8, 'mode') & 0o7777,
      uid: decimal(pax('uid'), this.#number(block, 108, 8, 'uid')),
      gid: decimal(pax('gid'), this.#number(block, 116, 8, 'gid')),
      size: type === 'file' ? size : 0,
      mtime: Math.floor(time),
      ...(type === 'symlink' || type === 'hardlink' ? { linkname: bytePathOfBytes(link) as BytePath } : {}),
      ...(type === 'char' || type === 'block'
        ? { devMajor: this.#number(block, 329, 8, 'device'), devMinor: this.#number(block, 337, 8, 'device') }
        : {}),
      ...(xattrs.size > 0 ? { xattrs } : {}),
    };
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    // Some writers give links the size of their target, without content behind them.
    this.#remaining = type === 'file' ? size : 0;
    this.#padding = type === 'file' ? paddingOf(size) : 0;
    await this.#sink.entry(header);
  }

  #xattrs(): Map<string, Buffer> {
    const prefix = 'SCHILY.xattr.';
    const found = new Map<string, Buffer>();
    for (const [key, value] of [...this.#global, ...this.#pax]) {
      if (key.startsWith(prefix)) found.set(key.slice(prefix.length), value);
    }
    return found;
  }

  #endGather(): void {
    if (this.#gather === undefined) return;
    const { flag, pieces } = this.#gather;
    const bytes = Buffer.concat(pieces);
    this.#gather = undefined;
    if (flag === 'L') this.#longName = cString(bytes);
    else if (flag === 'K') this.#longLink = cString(bytes);
    else if (flag === 'g') this.#global = new Map([...this.#global, ...paxRecords(bytes)]);
    else this.#pax = paxRecords(bytes);
  }

  /** Octal digits, or GNU's base-256 where the first bit is set. */
  #number(block: Buffer, offset: number, width: number, what: string): number {
    const field = block.subarray(offset, offset + width);
    const [first = 0] = field;
    if ((first & 0x80) !== 0) {
      let value = BigInt(first & 0x7f);
      for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
      const signed = (first & 0x40) !== 0 ? value - (1n << BigInt(width * 8 - 1)) : value;
      if (signed > BigInt(Number.MAX_SAFE_INTEGER) || (signed < 0n && what !== 'mtime'))
        throw malformed(`its ${what} is out of range`);
      return Number(signed);
    }
    const text = cString(field).toString('latin1').trim();
    if (text === '') return 0;
    if (!/^[0-7]+$/.test(text)) throw malformed(`its ${what} is no number`);
    return Number.parseInt(text, 8);
  }
}

function malformed(what: string) {
  return failure('ARCHIVE', 'read', 'tar archive', what);
}

function checkSum(block: Buffer): void {
  let unsigned = 256;
  let signed = 256;
  for (let index = 0; index < blockBytes; index++) {
    if (index >= 148 && index < 156) continue;
    const byte = block[index] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stored = Number.parseInt(cString(block.subarray(148, 156)).toString('latin1').trim(), 8);
  // Old writers summed signed chars.
  if (stored !== unsigned && stored !== signed) throw malformed('a header has a wrong checksum');
}

function cString(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function ustarName(block: Buffer): Buffer {
  const name = cString(block.subarray(0, 100));
  // GNU's magic is `ustar  \0` and has other fields where ustar keeps its prefix.
  if (block.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const prefix = cString(block.subarray(345, 500));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

function decimal(value: Buffer | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  const text = value.toString('latin1');
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw malformed('a PAX number is none');
  return Number(text);
}

function paxRecords(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let offset = 0; offset < bytes.length; ) {
    const space = bytes.indexOf(0x20, offset);
    const digits = space < 0 ? '' : bytes.toString('latin1', offset, space);
    const length = /^[0-9]{1,8}$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    const equals = bytes.indexOf(0x3d, space);
    if (length < 5 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw malformed('a PAX header is malformed');
    }
    records.set(bytes.toString('utf8', space + 1, equals), Buffer.from(bytes.subarray(equals + 1, end - 1)));
    offset = end;
  }
  return records;
}
