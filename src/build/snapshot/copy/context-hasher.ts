import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../../lib/digest.ts';
import { type HashFile, hashFile, type SelectedEntry } from './selection.ts';
import type { SourceStats } from './source-tree.ts';

const version = 1;

/** A file that changed this shortly before it was hashed may change again within one tick of its clock: it is not remembered. */
const racyNanoseconds = 50_000_000n;
/** The same where times have whole or two seconds only (FAT, some network disks). */
const coarseRacyNanoseconds = 2_500_000_000n;

/**
 * Remembers the digests of a context's files by what lstat says of them (path, size, mtime, ctime, inode, device). One file a context, below
 * a directory of the caller's; whatever is wrong with it, files are read again.
 */
export class ContextHasher {
  readonly #file: string;
  readonly #directory: string;
  readonly #known: ReadonlyMap<string, string>;
  readonly #seen = new Map<string, string>();
  #changed = false;
  /** Files whose bytes were read. */
  misses = 0;

  private constructor(directory: string, file: string, known: ReadonlyMap<string, string>) {
    this.#directory = directory;
    this.#file = file;
    this.#known = known;
  }

  /** `context`: the context's real path, as a byte string. `directory` is made by `save`. */
  static async open(directory: string, context: string): Promise<ContextHasher> {
    const file = join(directory, `${hexOf(digestOf(context))}.json`);
    return new ContextHasher(directory, file, await readKnown(file));
  }

  readonly hash: HashFile = (entry: SelectedEntry): Digest | Promise<Digest> => {
    const print = fingerprint(entry.stats);
    const known = this.#seen.get(entry.source) ?? this.#known.get(entry.source);
    if (known?.startsWith(print)) {
      const digest = known.slice(print.length);
      if (isDigest(digest)) {
        this.#seen.set(entry.source, known);
        return digest;
      }
    }
    return this.#read(entry);
  };

  async #read(entry: SelectedEntry): Promise<Digest> {
    const started = Date.now();
    const digest = await hashFile(entry);
    this.misses++;
    this.learn(entry, digest, started);
    return digest;
  }

  /** Remembers what a file's bytes were that somebody else read. `started`: before the first of them was read, milliseconds since 1970. */
  readonly learn = (entry: SelectedEntry, digest: Digest, started: number): void => {
    if (!isSettled(entry.stats, BigInt(started) * 1_000_000n)) return;
    this.#seen.set(entry.source, fingerprint(entry.stats) + digest);
    this.#changed = true;
  };

  /** Keeps what was learnt, and what is known of files that no step read this time. A failure costs time, not truth: the caller may ignore it. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    await mkdir(this.#directory, { recursive: true });
    const all: (string | number)[] = [version];
    for (const [path, record] of this.#known) if (!this.#seen.has(path)) all.push(path, record);
    for (const [path, record] of this.#seen) all.push(path, record);
    await writeFileAtomic(this.#file, JSON.stringify(all), { sync: false });
    this.#changed = false;
  }
}

/** Ends in a space, so that no fingerprint begins another. */
function fingerprint(stats: SourceStats): string {
  return `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino} ${stats.dev} `;
}

function isSettled({ mtimeNs, ctimeNs }: SourceStats, now: bigint): boolean {
  const coarse = mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return now - latest > (coarse ? coarseRacyNanoseconds : racyNanoseconds);
}

async function readKnown(file: string): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return known;
  }
  if (!Array.isArray(value) || value[0] !== version) return known;
  for (let index = 1; index + 1 < value.length; index += 2) {
    const [path, record] = [value[index], value[index + 1]];
    if (typeof path === 'string' && typeof record === 'string') known.set(path, record);
  }
  return known;
}
