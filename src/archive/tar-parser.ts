import { failure } from '../lib/errors.ts';
import { bytePathOfBytes, displayPath } from './byte-path.ts';
import type { EntryHeader, EntryType } from './entry.ts';
import { type PaxRecords, parsePax, xattrKeyword } from './pax.ts';
import { decodeHeader, isZeroBlock, type RawHeader } from './tar-decoder.ts';
import { blockBytes, paddingOf } from './tar-header.ts';

export interface TarHandler {
  /** `contentAt`: where the entry's content begins, in bytes from the archive's start. */
  entry(header: EntryHeader, contentAt: number): void;
  /** Content of the last file entry, in order. A view of the parser's input: copy what you keep. */
  data(bytes: Buffer): void;
  /** The last entry is whole. */
  end(): void;
}

/** Every one of them ends a hostile archive with LIMIT, by its name. */
export interface TarLimits {
  /** Length of a path or link target. Linux takes 4096 with the NUL. */
  maxPathBytes: number;
  /** One PAX header, and all global ones together. Linux allows 64 KiB a value; a file has few. */
  maxPaxBytes: number;
  maxEntries: number;
  /** Content of all files together. */
  maxTotalBytes: number;
}

const defaultTarLimits: Readonly<TarLimits> = {
  maxPathBytes: 4095,
  maxPaxBytes: 1024 * 1024,
  maxEntries: 2_000_000,
  maxTotalBytes: Number.MAX_SAFE_INTEGER,
};

export interface TarParserOptions {
  /** What messages call the archive. Default `tar`. */
  source?: string | undefined;
  limits?: Partial<TarLimits> | undefined;
}

const typeOfFlag: Readonly<Record<string, EntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
};

type Meta = 'pax' | 'global' | 'longName' | 'longLink';
const metaOfFlag: Readonly<Record<string, Meta>> = {
  x: 'pax',
  X: 'pax',
  g: 'global',
  L: 'longName',
  K: 'longLink',
};

/**
 * Push parser for ustar, PAX, GNU and v7 archives: `write` chunks of any size, then `close`. Calls the handler as it goes; memory is one
 * header and one PAX header. What follows the end mark is ignored, a missing end mark is tolerated, a missing end of an entry is not.
 */
export class TarParser {
  readonly #handler: TarHandler;
  readonly #source: string;
  readonly #limits: TarLimits;
  readonly #partial = Buffer.alloc(blockBytes);
  #partialLength = 0;
  /** Bytes of the archive before the chunk that is being written. */
  #before = 0;
  #state: 'header' | 'data' | 'meta' | 'padding' | 'ended' = 'header';
  /** Bytes that the state still takes. */
  #left = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #total = 0;
  #meta: Meta = 'pax';
  #metaParts: Buffer[] = [];
  #global: PaxRecords = new Map();
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(handler: TarHandler, options: TarParserOptions = {}) {
    this.#handler = handler;
    this.#source = options.source ?? 'tar';
    this.#limits = { ...defaultTarLimits, ...options.limits };
  }

  /** True once the end mark was read: more input changes nothing. */
  get ended(): boolean {
    return this.#state === 'ended';
  }

  write(chunk: Buffer): void {
    this.#take(chunk);
    this.#before += chunk.length;
  }

  /**
   * Content that lies ahead and need not be written: whoever can seek moves on by so many bytes. Nothing of it reaches the handler's `data`.
   */
  skip(): number {
    if (this.#state !== 'data') return 0;
    const skipped = this.#left;
    this.#before += skipped;
    this.#left = 0;
    this.#next();
    return skipped;
  }

  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'header') at = this.#takeHeader(chunk, at);
      else if (this.#state === 'ended') return;
      else {
        const end = Math.min(chunk.length, at + this.#left);
        if (this.#state === 'data') this.#handler.data(chunk.subarray(at, end));
        else if (this.#state === 'meta') this.#metaParts.push(Buffer.from(chunk.subarray(at, end)));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#next();
      }
    }
  }

  /** ARCHIVE when the archive stops inside an entry. */
  close(): void {
    const pending = this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
    if (this.#state === 'ended' || (this.#state === 'header' && this.#partialLength === 0 && !pending))
      return;
    // Padding behind the last entry is all that some writers leave out.
    if (this.#state === 'padding' && !pending) return;
    throw this.#bad('it ends inside an entry');
  }

  #takeHeader(chunk: Buffer, at: number): number {
    if (this.#partialLength === 0 && chunk.length - at >= blockBytes) {
      this.#header(chunk.subarray(at, at + blockBytes), at + blockBytes);
      return at + blockBytes;
    }
    const copied = chunk.copy(this.#partial, this.#partialLength, at, at + blockBytes - this.#partialLength);
    this.#partialLength += copied;
    if (this.#partialLength === blockBytes) {
      this.#partialLength = 0;
      this.#header(this.#partial, at + copied);
    }
    return at + copied;
  }

  /** `end`: where it ends in the chunk. */
  #header(block: Buffer, end: number): void {
    if (block[0] === 0 && isZeroBlock(block)) {
      if (++this.#zeroBlocks === 2) this.#state = 'ended';
      return;
    }
    this.#zeroBlocks = 0;
    const raw = decodeHeader(block, this.#source);
    if (raw.size < 0) throw this.#bad('an entry has a negative size');
    // Extended headers count too: an endless run of them is an endless archive.
    if (++this.#entries > 3 * this.#limits.maxEntries)
      throw this.#limit('maxEntries', this.#limits.maxEntries);
    const meta = metaOfFlag[raw.flag];
    if (meta) this.#startMeta(meta, raw.size);
    else this.#startEntry(raw, this.#before + end);
  }

  #startMeta(meta: Meta, size: number): void {
    const name = meta === 'pax' || meta === 'global' ? 'maxPaxBytes' : 'maxPathBytes';
    // A GNU long name ends with a NUL that its size counts, and may be padded to a block.
    const limit = name === 'maxPathBytes' ? this.#limits.maxPathBytes + blockBytes : this.#limits.maxPaxBytes;
    if (size > limit) throw this.#limit(name, this.#limits[name]);
    this.#meta = meta;
    this.#metaParts = [];
    this.#start('meta', size);
  }

  #startEntry(raw: RawHeader, contentAt: number): void {
    const header = this.#resolve(raw);
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#total += header.size;
    if (this.#total > this.#limits.maxTotalBytes)
      throw this.#limit('maxTotalBytes', this.#limits.maxTotalBytes);
    this.#handler.entry(header, contentAt);
    this.#start('data', header.size);
  }

  #start(state: 'data' | 'meta', size: number): void {
    this.#state = state;
    this.#left = size;
    this.#padding = paddingOf(size);
    if (size === 0) this.#next();
  }

  /** The state's bytes are all there. */
  #next(): void {
    if (this.#state === 'data') this.#handler.end();
    else if (this.#state === 'meta') this.#applyMeta();
    if (this.#state !== 'padding' && this.#padding > 0) {
      this.#state = 'padding';
      this.#left = this.#padding;
    } else this.#state = 'header';
  }

  #applyMeta(): void {
    const block = Buffer.concat(this.#metaParts);
    this.#metaParts = [];
    if (this.#meta === 'pax') this.#pax = parsePax(block, this.#source);
    else if (this.#meta === 'global') {
      for (const [keyword, value] of parsePax(block, this.#source)) this.#global.set(keyword, value);
      let bytes = 0;
      for (const [keyword, value] of this.#global) bytes += keyword.length + value.length + 64;
      if (bytes > this.#limits.maxPaxBytes) throw this.#limit('maxPaxBytes', this.#limits.maxPaxBytes);
    } else {
      const nul = block.indexOf(0);
      const text = bytePathOfBytes(nul < 0 ? block : block.subarray(0, nul));
      if (this.#meta === 'longName') this.#longName = text;
      else this.#longLink = text;
    }
  }

  #resolve(raw: RawHeader): EntryHeader {
    const pax = this.#records();
    const path = this.#paxText(pax, 'path') ?? this.#longName ?? raw.name;
    if (path === '') throw this.#bad('an entry has no name');
    let type = typeOfFlag[raw.flag];
    if (raw.flag === 'S' || (pax && hasSparse(pax))) {
      // The newer kind's entries have a made-up name that tells GNU tar's process id.
      const name = this.#paxText(pax, 'GNU.sparse.name') ?? path;
      throw failure('UNSUPPORTED', 'read archive', this.#source, `"${displayPath(name)}" is a sparse file`, {
        hint: 'write the archive without --sparse',
      });
    }
    if (type === undefined) {
      throw this.#bad(`"${displayPath(path)}" has the unknown type "${displayPath(raw.flag)}"`);
    }
    // v7 marks directories by their name only.
    if (type === 'file' && raw.flag !== '7' && path.endsWith('/')) type = 'directory';
    const link = type === 'hardlink' || type === 'symlink';
    const linkname = link ? (this.#paxText(pax, 'linkpath') ?? this.#longLink ?? raw.linkname) : undefined;
    if (link && linkname === '') throw this.#bad(`the link "${displayPath(path)}" has no target`);
    this.#checkName(path);
    if (linkname !== undefined) this.#checkName(linkname);
    // Only files have content, whatever the size field of others says (as Go's archive/tar, which all engines use).
    const size = type === 'file' ? (this.#paxInteger(pax, 'size') ?? raw.size) : 0;
    const uid = this.#paxInteger(pax, 'uid') ?? raw.uid;
    const gid = this.#paxInteger(pax, 'gid') ?? raw.gid;
    // 2^32-1 means "leave as is" to chown.
    if (uid < 0 || uid >= 0xffffffff || gid < 0 || gid >= 0xffffffff) {
      throw this.#bad(`"${displayPath(path)}" has an owner that cannot be`);
    }
    const [mtime, mtimeNs] = this.#paxTime(pax) ?? [raw.mtime, 0];
    const device = type === 'char' || type === 'block';
    if (device && (raw.devMajor < 0 || raw.devMinor < 0)) throw this.#bad('a device has a negative number');
    const xattrs = pax && xattrsOf(pax);
    return {
      path,
      type,
      mode: raw.mode,
      uid,
      gid,
      size,
      mtime,
      ...(mtimeNs !== 0 && { mtimeNs }),
      ...(linkname !== undefined && { linkname }),
      ...(device && { devMajor: raw.devMajor, devMinor: raw.devMinor }),
      ...(xattrs && { xattrs }),
    };
  }

  /** The entry's own records over the global ones; an empty value takes the global one away. */
  #records(): PaxRecords | undefined {
    const local = this.#pax;
    if (this.#global.size === 0) return local;
    return local ? new Map([...this.#global, ...local]) : this.#global;
  }

  #paxText(pax: PaxRecords | undefined, keyword: string): string | undefined {
    const value = pax?.get(keyword);
    return value === undefined || value.length === 0 ? undefined : bytePathOfBytes(value);
  }

  #paxInteger(pax: PaxRecords | undefined, keyword: string): number | undefined {
    const text = this.#paxText(pax, keyword);
    if (text === undefined) return undefined;
    const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw this.#bad(`PAX ${keyword} is not a number`);
    return number;
  }

  #paxTime(pax: PaxRecords | undefined): [number, number] | undefined {
    const text = this.#paxText(pax, 'mtime');
    if (text === undefined) return undefined;
    const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,30}))?$/.exec(text);
    if (!match) throw this.#bad('PAX mtime is not a time');
    const whole = Number(match[2]);
    const ns = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
    if (match[1] !== '-') return [whole, ns];
    return ns === 0 ? [0 - whole, 0] : [-whole - 1, 1_000_000_000 - ns];
  }

  #checkName(name: string): void {
    if (name.length > this.#limits.maxPathBytes) throw this.#limit('maxPathBytes', this.#limits.maxPathBytes);
    if (name.includes('\0')) throw this.#bad(`the name "${displayPath(name)}" has a NUL in it`);
  }

  #bad(what: string) {
    return failure('ARCHIVE', 'read archive', this.#source, what);
  }

  #limit(name: keyof TarLimits, limit: number) {
    return failure('LIMIT', 'read archive', this.#source, `more than ${limit} (${name})`);
  }
}

function hasSparse(pax: PaxRecords): boolean {
  for (const keyword of pax.keys()) if (keyword.startsWith('GNU.sparse.')) return true;
  return false;
}

function xattrsOf(pax: PaxRecords): Map<string, Buffer> | undefined {
  let found: Map<string, Buffer> | undefined;
  for (const [keyword, value] of pax) {
    if (!keyword.startsWith(xattrKeyword) || keyword.length === xattrKeyword.length) continue;
    found ??= new Map();
    found.set(keyword.slice(xattrKeyword.length), value);
  }
  return found;
}
