import { linkSync, mkdirSync, type Stats, symlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type BytePath, displayPath, joinFsPath, toFsPath } from '../../archive/byte-path.ts';
import type { EntryHeader } from '../../archive/entry.ts';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { copyRegularFile } from './copy-regular-file.ts';
import { layerMarks } from './layer-marks.ts';
import { MetadataWriter } from './layer-metadata.ts';
import { type LowerEntry, LowerTree } from './lower-tree.ts';
import { type FsPath, loadSyscalls, type Syscalls } from './syscalls.ts';

/** An entry of a layer whose files come from other layers. A directory is before what is in it. */
export interface CopiedEntry {
  readonly header: EntryHeader;
  /** A file's path in the tree that it was copied from, no links in it. */
  readonly source?: BytePath;
}

export interface LinkLayerOptions {
  /** Directories of the layers that the files were copied from, bottom first, as overlayfs reads them. */
  readonly from: readonly string[];
  /** Those of them whose files are copied: in one tree with them, links would show as names of one file. */
  readonly apart: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
}

export interface LinkedLayer {
  /** Directories of `from` that it shares files with. */
  readonly shares: ReadonlySet<string>;
  /** Files that are links, and files that had to be copied. */
  readonly linked: number;
  readonly copied: number;
}

/** Entries between two looks at what else is to be done. */
const entriesPerTurn = 500;

/**
 * Makes in `directory`, which is empty, what an extraction of the layer would: files that are the same in all that shows become links to the ones that
 * they were copied from, which costs neither a new file nor its bytes. Nobody may ever write in either directory. Undefined where that is not
 * possible: `directory` then holds rubbish. STORE.
 */
export async function linkLayer(
  entries: readonly CopiedEntry[],
  directory: string,
  options: LinkLayerOptions,
): Promise<LinkedLayer | undefined> {
  const linker = new LayerLinker(directory, await loadSyscalls(), options);
  for (const [index, entry] of entries.entries()) {
    if (!linker.put(entry)) return undefined;
    if (index % entriesPerTurn === entriesPerTurn - 1) {
      await setImmediate();
      throwIfAborted(options.signal);
    }
  }
  return linker.finish();
}

class LayerLinker {
  readonly #directory: string;
  readonly #calls: Syscalls;
  readonly #options: LinkLayerOptions;
  readonly #from: LowerTree;
  readonly #metadata: MetadataWriter;
  readonly #directories: EntryHeader[] = [];
  /** Inodes that have a name here: a second one would make one file of two. */
  readonly #inodes = new Set<number>();
  readonly #shares = new Set<string>();
  #linked = 0;
  #copied = 0;

  constructor(directory: string, calls: Syscalls, options: LinkLayerOptions) {
    this.#directory = directory;
    this.#calls = calls;
    this.#options = options;
    this.#from = new LowerTree(options.from, layerMarks('overlay', calls));
    this.#metadata = new MetadataWriter(calls, () => {});
  }

  /** False for what only an extraction can make. */
  put({ header, source }: CopiedEntry): boolean {
    const file = joinFsPath(this.#directory, header.path);
    return this.#at(header.path, () => {
      switch (header.type) {
        case 'directory':
          if (header.path !== '') mkdirSync(file, 0o700);
          this.#directories.push(header);
          return true;
        case 'symlink':
          symlinkSync(toFsPath(header.linkname ?? ''), file);
          this.#metadata.apply(header.path, file, header);
          return true;
        case 'hardlink':
          linkSync(joinFsPath(this.#directory, header.linkname ?? ''), file);
          return true;
        case 'file': {
          const found = source === undefined ? undefined : this.#from.find(source);
          if (!found?.stats.isFile() || found.stats.size !== header.size) return false;
          this.#file(header, file, found);
          return true;
        }
        default:
          return false;
      }
    });
  }

  /** Children first: a parent's mode may shut it, and what is done in it changes its time. */
  finish(): LinkedLayer {
    for (const header of this.#directories.toReversed()) {
      const file = joinFsPath(this.#directory, header.path);
      this.#at(header.path, () => this.#metadata.apply(header.path, file, header));
    }
    return { shares: this.#shares, linked: this.#linked, copied: this.#copied };
  }

  #file(header: EntryHeader, file: FsPath, { file: source, layer, stats }: LowerEntry): void {
    if (!this.#options.apart.has(layer) && this.#isSame(header, source, stats) && tryLink(source, file)) {
      this.#inodes.add(stats.ino);
      this.#shares.add(layer);
      this.#linked++;
      return;
    }
    copyRegularFile(source, file, stats);
    this.#metadata.apply(header.path, file, header);
    this.#copied++;
  }

  #isSame(header: EntryHeader, file: FsPath, stats: Stats): boolean {
    return (
      (stats.mode & 0o7777) === header.mode &&
      stats.uid === header.uid &&
      stats.gid === header.gid &&
      stats.mtimeMs === header.mtime * 1000 &&
      header.xattrs === undefined &&
      !this.#inodes.has(stats.ino) &&
      this.#calls.listXattrs(file).length === 0
    );
  }

  #at(path: BytePath, work: () => boolean): boolean;
  #at(path: BytePath, work: () => void): void;
  #at(path: BytePath, work: () => unknown): unknown {
    try {
      return work();
    } catch (error) {
      if (error instanceof PolyarchError) throw error;
      throw failure('STORE', 'copy', displayPath(path), reasonOf(error), { cause: error });
    }
  }
}

/** False where a file has as many names as it may, or the kernel lets nobody link what is another's (fs.protected_hardlinks). */
function tryLink(source: FsPath, file: FsPath): boolean {
  try {
    linkSync(source, file);
    return true;
  } catch (error) {
    if (['EMLINK', 'EPERM', 'EXDEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
