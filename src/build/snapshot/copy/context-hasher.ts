import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { baseNameOf, joinBytePath, parentOf, toFsPath } from '../../../archive/byte-path.ts';
import { type Digest, digestOf, hexOf } from '../../../lib/digest.ts';
import {
  type DigestRecords,
  type FilePrint,
  readDigestRecords,
  writeDigestRecords,
} from './digest-records.ts';
import { SeenSelections } from './seen-selections.ts';
import type { SelectedEntry } from './selected-entry.ts';
import { type HashFile, hashFile, type Selection } from './selection.ts';
import type { FileStats } from './source-tree.ts';

/** A file that changed this shortly before it was hashed may change again within one tick of its clock: it is not remembered. */
const racyMilliseconds = 50;
/** The same where times have whole or two seconds only (FAT, some network disks). */
const coarseRacyMilliseconds = 2500;

/**
 * Remembers the digests of a context's files by what lstat says of them (path, size, mtime, ctime, inode, device), and those of whole selections.
 * Two files a context, below a directory of the caller's; whatever is wrong with them, files are read again.
 */
export class ContextHasher {
  readonly #context: string;
  readonly #file: string;
  readonly #directory: string;
  readonly #seen: SeenSelections;
  /** Not read where every selection was seen before. */
  #known: DigestRecords | undefined;
  readonly #learnt = new Map<string, FilePrint & { readonly digest: Digest }>();
  /** Files whose bytes were read. */
  misses = 0;

  /** `context`: the context's real path, as a byte string. `directory` is made by `save`. */
  constructor(directory: string, context: string) {
    this.#context = context;
    this.#directory = directory;
    this.#file = join(directory, hexOf(digestOf(context)));
    this.#seen = new SeenSelections(directory, `${this.#file}.seen`);
  }

  /** The selection's digest, where one of the same paths and lstat results had it. No file is looked at. */
  readonly find = async (selection: Selection): Promise<Digest | undefined> =>
    await this.#seen.get(selection.print());

  /** Remembers a selection's digest. `started`: before the first of its files was read, milliseconds since 1970. */
  readonly keep = async (selection: Selection, digest: Digest, started: number): Promise<void> => {
    if (selection.everyFile((times) => isSettled(times, started)))
      await this.#seen.set(selection.print(), digest);
  };

  /** Of one file. The first is waited for: what is known is read then. */
  readonly hash: HashFile = (entry: SelectedEntry): Digest | Promise<Digest> => {
    const known = this.#known;
    if (known === undefined) return this.#read().then((records) => this.#hashBy(records, entry));
    return this.#hashBy(known, entry);
  };

  #hashBy(known: DigestRecords, entry: SelectedEntry): Digest | Promise<Digest> {
    const learnt = this.#learnt.get(entry.source);
    if (learnt !== undefined) return isSame(learnt, entry.stats) ? learnt.digest : this.#hashFile(entry);
    return known.find(entry.source, entry.stats) ?? this.#hashFile(entry);
  }

  async #read(): Promise<DigestRecords> {
    this.#known ??= await readDigestRecords(this.#file);
    return this.#known;
  }

  async #hashFile(entry: SelectedEntry): Promise<Digest> {
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

  /** Keeps what was learnt, and what is known of files that are there but that no step read this time. A failure costs time, not truth: the caller may ignore it. */
  async save(): Promise<void> {
    await this.#seen.save();
    if (this.#learnt.size === 0) return;
    const all = (await this.#read()).with(this.#learnt, this.#nameReader());
    this.#learnt.clear();
    await writeDigestRecords(this.#directory, this.#file, all);
  }

  /** Tells of paths whether they are there. Each directory is read once: that takes a small part of asking for each file. */
  #nameReader(): (path: string) => boolean {
    const directories = new Map<string, ReadonlySet<string>>();
    return (path) => {
      const parent = parentOf(path);
      let names = directories.get(parent);
      if (names === undefined) {
        names = namesIn(toFsPath(joinBytePath(this.#context, parent)));
        directories.set(parent, names);
      }
      return names.has(baseNameOf(path));
    };
  }
}

/** Byte strings; none where there is no such directory. */
function namesIn(directory: string | Buffer): ReadonlySet<string> {
  try {
    return new Set(readdirSync(directory, 'latin1'));
  } catch {
    return new Set();
  }
}

function isSame(print: FilePrint, stats: FileStats): boolean {
  return (
    print.size === stats.size &&
    print.mtimeMs === stats.mtimeMs &&
    print.ctimeMs === stats.ctimeMs &&
    print.ino === stats.ino &&
    print.dev === stats.dev
  );
}

function isSettled({ mtimeMs, ctimeMs }: Pick<FileStats, 'mtimeMs' | 'ctimeMs'>, now: number): boolean {
  const coarse = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0;
  return now - Math.max(mtimeMs, ctimeMs) > (coarse ? coarseRacyMilliseconds : racyMilliseconds);
}
