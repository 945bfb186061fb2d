import { join } from 'node:path';
import { type Digest, digestOf, hexOf } from '../../../lib/digest.ts';
import {
  type DigestRecords,
  type FilePrint,
  readDigestRecords,
  writeDigestRecords,
} from './digest-records.ts';
import { type HashFile, hashFile, type SelectedEntry } from './selection.ts';
import type { SourceStats } from './source-tree.ts';

/** A file that changed this shortly before it was hashed may change again within one tick of its clock: it is not remembered. */
const racyMilliseconds = 50;
/** The same where times have whole or two seconds only (FAT, some network disks). */
const coarseRacyMilliseconds = 2500;

/**
 * Remembers the digests of a context's files by what lstat says of them (path, size, mtime, ctime, inode, device). One file a context, below
 * a directory of the caller's; whatever is wrong with it, files are read again.
 */
export class ContextHasher {
  readonly #file: string;
  readonly #directory: string;
  readonly #known: DigestRecords;
  readonly #learnt = new Map<string, FilePrint & { readonly digest: Digest }>();
  /** Files whose bytes were read. */
  misses = 0;

  private constructor(directory: string, file: string, known: DigestRecords) {
    this.#directory = directory;
    this.#file = file;
    this.#known = known;
  }

  /** `context`: the context's real path, as a byte string. `directory` is made by `save`. */
  static async open(directory: string, context: string): Promise<ContextHasher> {
    const file = join(directory, hexOf(digestOf(context)));
    return new ContextHasher(directory, file, await readDigestRecords(file));
  }

  readonly hash: HashFile = (entry: SelectedEntry): Digest | Promise<Digest> => {
    const learnt = this.#learnt.get(entry.source);
    if (learnt !== undefined) return isSame(learnt, entry.stats) ? learnt.digest : this.#read(entry);
    return this.#known.find(entry.source, entry.stats) ?? this.#read(entry);
  };

  async #read(entry: SelectedEntry): Promise<Digest> {
    const started = Date.now();
    const digest = await hashFile(entry);
    this.misses++;
    this.learn(entry, digest, started);
    return digest;
  }

  /** Remembers what a file's bytes were that somebody else read. `started`: before the first of them was read, milliseconds since 1970. */
  readonly learn = ({ source, stats }: SelectedEntry, digest: Digest, started: number): void => {
    if (!digest.startsWith('sha256:') || !isSettled(stats, started)) return;
    const { size, mtimeMs, ctimeMs, ino, dev } = stats;
    this.#learnt.set(source, { size, mtimeMs, ctimeMs, ino, dev, digest });
  };

  /** Keeps what was learnt, and what is known of files that no step read this time. A failure costs time, not truth: the caller may ignore it. */
  async save(): Promise<void> {
    if (this.#learnt.size === 0) return;
    const all = this.#known.with(this.#learnt);
    this.#learnt.clear();
    await writeDigestRecords(this.#directory, this.#file, all);
  }
}

function isSame(print: FilePrint, stats: SourceStats): boolean {
  return (
    print.size === stats.size &&
    print.mtimeMs === stats.mtimeMs &&
    print.ctimeMs === stats.ctimeMs &&
    print.ino === stats.ino &&
    print.dev === stats.dev
  );
}

function isSettled({ mtimeMs, ctimeMs }: SourceStats, now: number): boolean {
  const coarse = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0;
  return now - Math.max(mtimeMs, ctimeMs) > (coarse ? coarseRacyMilliseconds : racyMilliseconds);
}
