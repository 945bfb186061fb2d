import { hash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import type { Digest } from '../../../lib/digest.ts';

/** What a file is known by: when none of it changed, nor did the bytes. */
export interface FilePrint {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
  readonly dev: number;
}

/** First in the file. The last digit is the version. */
const magic = 'polyarch-digests-2\n';
/** Magic, SHA-256 of all that follows, number of files, length of their paths. */
const headLength = magic.length + 32 + 8;
const numbersOfFile = 5;
const digestLength = 32;

/**
 * Digests of a context's files as one block of numbers and one of hexadecimal text, not an object a file: 50,000 of them are there in a few
 * milliseconds.
 */
export class DigestRecords {
  readonly #paths: readonly string[];
  readonly #positions = new Map<string, number>();
  /** Size, mtime, ctime, inode and device of each file. */
  readonly #numbers: Float64Array;
  readonly #hex: string;

  /** SHA-256 digests, one behind another in hexadecimal. Paths are byte strings. */
  constructor(paths: readonly string[] = [], numbers = new Float64Array(), hex = '') {
    this.#paths = paths;
    this.#numbers = numbers;
    this.#hex = hex;
    for (let position = 0; position < paths.length; position++)
      this.#positions.set(paths[position] as string, position);
  }

  /** Files. */
  get size(): number {
    return this.#paths.length;
  }

  /** Undefined where the path is not known, or is another file now. */
  find(path: string, print: FilePrint): Digest | undefined {
    const position = this.#positions.get(path);
    if (position === undefined) return undefined;
    const at = position * numbersOfFile;
    const numbers = this.#numbers;
    const isSame =
      numbers[at] === print.size &&
      numbers[at + 1] === print.mtimeMs &&
      numbers[at + 2] === print.ctimeMs &&
      numbers[at + 3] === print.ino &&
      numbers[at + 4] === print.dev;
    return isSame ? `sha256:${this.#hexAt(position)}` : undefined;
  }

  #hexAt(position: number): string {
    return this.#hex.slice(position * digestLength * 2, (position + 1) * digestLength * 2);
  }

  /** These as far as `isThere`, and others that win over them. */
  with(
    others: ReadonlyMap<string, FilePrint & { readonly digest: Digest }>,
    isThere: (path: string) => boolean = () => true,
  ): DigestRecords {
    const paths = [...this.#paths.filter((path) => !others.has(path) && isThere(path)), ...others.keys()];
    const numbers = new Float64Array(paths.length * numbersOfFile);
    const hex: string[] = [];
    for (const [index, path] of paths.entries()) {
      const at = index * numbersOfFile;
      const other = others.get(path);
      if (other === undefined) {
        const position = this.#positions.get(path) ?? 0;
        const from = position * numbersOfFile;
        numbers.set(this.#numbers.subarray(from, from + numbersOfFile), at);
        hex.push(this.#hexAt(position));
      } else {
        numbers.set([other.size, other.mtimeMs, other.ctimeMs, other.ino, other.dev], at);
        hex.push(other.digest.slice('sha256:'.length));
      }
    }
    return new DigestRecords(paths, numbers, hex.join(''));
  }

  /** Names hold no NUL. */
  toBuffer(): Buffer {
    const paths = Buffer.from(this.#paths.join('\0'), 'latin1');
    const { buffer, byteOffset, byteLength } = this.#numbers;
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(this.#paths.length, 0);
    lengths.writeUInt32LE(paths.length, 4);
    const body = Buffer.concat([
      lengths,
      Buffer.from(buffer, byteOffset, byteLength),
      Buffer.from(this.#hex, 'hex'),
      paths,
    ]);
    return Buffer.concat([Buffer.from(magic), hash('sha256', body, 'buffer'), body]);
  }

  /** Undefined for bytes that are not wholly what `toBuffer` wrote. */
  static fromBuffer(bytes: Buffer): DigestRecords | undefined {
    if (bytes.length < headLength || bytes.toString('latin1', 0, magic.length) !== magic) return undefined;
    const body = bytes.subarray(magic.length + digestLength);
    if (!hash('sha256', body, 'buffer').equals(bytes.subarray(magic.length, magic.length + digestLength)))
      return undefined;
    const count = body.readUInt32LE(0);
    const numbersEnd = 8 + count * numbersOfFile * 8;
    const digestsEnd = numbersEnd + count * digestLength;
    if (body.length !== digestsEnd + body.readUInt32LE(4)) return undefined;
    // A copy: the numbers must lie at a multiple of eight bytes.
    const numbers = new Float64Array(Uint8Array.from(body.subarray(8, numbersEnd)).buffer);
    const paths = count === 0 ? [] : body.toString('latin1', digestsEnd).split('\0');
    if (paths.length !== count) return undefined;
    return new DigestRecords(paths, numbers, body.toString('hex', numbersEnd, digestsEnd));
  }
}

/** None where there is no such file, or it is damaged. */
export async function readDigestRecords(file: string): Promise<DigestRecords> {
  try {
    return DigestRecords.fromBuffer(await readFile(file)) ?? new DigestRecords();
  } catch {
    return new DigestRecords();
  }
}

export async function writeDigestRecords(
  directory: string,
  file: string,
  records: DigestRecords,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFileAtomic(file, records.toBuffer(), { sync: false });
}
