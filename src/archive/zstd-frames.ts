import { failure } from '../lib/errors.ts';

/** A run of bytes that belongs to one frame; `last` when the frame ends with it. Skippable frames give no pieces. */
export interface FramePiece {
  readonly bytes: Buffer;
  readonly last: boolean;
}

/** A frame that needs more memory than this to decode is refused: what `zstd -d` does without --long. */
const maxWindowLog = 27;

type State = 'magic' | 'skipSize' | 'skip' | 'header' | 'blockHeader' | 'block' | 'checksum';

/**
 * Finds where Zstandard frames begin and end (RFC 8878, section 3.1). Node's decoder drops, without an error, every frame after the first
 * that a chunk holds, and stops at a skippable one, so each frame must be given to a decoder of its own.
 */
export class ZstdFrames {
  readonly #source: string;
  #state: State = 'magic';
  /** Bytes of the current field, gathered over chunks. */
  #field = Buffer.alloc(18);
  #have = 0;
  #need = 4;
  #skip = 0;
  #checksum: boolean = false as boolean;
  #lastBlock: boolean = false as boolean;

  constructor(source: string) {
    this.#source = source;
  }

  /** True between frames: where a stream may end. */
  get complete(): boolean {
    return this.#state === 'magic' && this.#have === 0;
  }

  *pieces(chunk: Buffer): Generator<FramePiece> {
    let at = 0;
    // What of the chunk is the current frame's and was not yet given out.
    let start = 0;
    while (at < chunk.length) {
      if (this.#state === 'skip' || this.#state === 'block') {
        const step = Math.min(this.#skip, chunk.length - at);
        at += step;
        this.#skip -= step;
        if (this.#skip > 0) continue;
        if (this.#state === 'skip') {
          start = at;
          this.#expect('magic', 4);
          continue;
        }
      } else {
        const copied = chunk.copy(this.#field, this.#have, at, at + this.#need - this.#have);
        this.#have += copied;
        at += copied;
        if (this.#have < this.#need) continue;
        if (this.#state === 'magic') {
          const magic = this.#magic();
          // The magic of a frame may have begun in the chunk before: give it out as a piece of its own.
          if (magic) yield { bytes: Buffer.from(this.#field.subarray(0, 4)), last: false };
          start = at;
          continue;
        }
        this.#parseField();
        if (this.#skippedWhole()) {
          start = at;
          this.#expect('magic', 4);
        }
      }
      if (!this.#frameEnds()) continue;
      yield { bytes: chunk.subarray(start, at), last: true };
      start = at;
      this.#expect('magic', 4);
    }
    const inFrame = this.#state !== 'magic' && this.#state !== 'skip' && this.#state !== 'skipSize';
    if (inFrame && start < chunk.length) yield { bytes: chunk.subarray(start), last: false };
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#have = 0;
    this.#need = bytes;
  }

  /** True for a Zstandard frame, false for a skippable one. */
  #magic(): boolean {
    const magic = this.#field.readUInt32LE(0);
    if (magic === 0xfd2fb528) {
      this.#expect('header', 1);
      return true;
    }
    if (magic >>> 4 !== 0x184d2a5) throw this.#bad('what follows a frame is none');
    this.#expect('skipSize', 4);
    return false;
  }

  #parseField(): void {
    if (this.#state === 'skipSize') {
      this.#skip = this.#field.readUInt32LE(0);
      this.#state = 'skip';
    } else if (this.#state === 'header') this.#parseHeader();
    else if (this.#state === 'blockHeader') this.#parseBlockHeader();
    else if (this.#state === 'checksum') this.#have = this.#need;
  }

  #parseHeader(): void {
    const descriptor = this.#field[0] as number;
    const single = (descriptor >> 5) & 1;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
    const sizeBytes = [single, 2, 4, 8][descriptor >> 6] as number;
    const total = 1 + (1 - single) + dictionaryBytes + sizeBytes;
    if (this.#need < total) {
      this.#need = total;
      return;
    }
    if (descriptor & 0x08) throw this.#bad('a frame has a reserved bit set');
    if (!single && ((this.#field[1] as number) >> 3) + 10 > maxWindowLog) {
      throw failure(
        'LIMIT',
        'decompress',
        this.#source,
        `a window above 2^${maxWindowLog} bytes (maxWindowLog)`,
      );
    }
    this.#checksum = (descriptor & 0x04) !== 0;
    this.#expect('blockHeader', 3);
  }

  #parseBlockHeader(): void {
    const header = this.#field.readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    if (type === 3) throw this.#bad('a block has a reserved type');
    this.#lastBlock = (header & 1) === 1;
    // An RLE block is one byte, however long what it stands for.
    this.#skip = type === 1 ? 1 : header >> 3;
    this.#state = 'block';
  }

  #skippedWhole(): boolean {
    return this.#state === 'skip' && this.#skip === 0;
  }

  /** After a block or checksum is whole: goes on to what follows. True when nothing does. */
  #frameEnds(): boolean {
    if (this.#state === 'checksum') return this.#have === this.#need;
    if (this.#state !== 'block' || this.#skip > 0) return false;
    const next = this.#nextAfterBlock();
    if (next === undefined) return true;
    this.#expect(next, next === 'checksum' ? 4 : 3);
    return false;
  }

  #nextAfterBlock(): 'blockHeader' | 'checksum' | undefined {
    if (this.#lastBlock) return this.#checksum ? 'checksum' : undefined;
    return 'blockHeader';
  }

  #bad(what: string) {
    return failure('ARCHIVE', 'decompress', this.#source, what);
  }
}
