import { createHash } from 'node:crypto';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { throwIfAborted } from '../../../lib/errors.ts';
import type { EntryColumns } from './entry-columns.ts';
import type { SelectedEntry } from './selected-entry.ts';
import type { FileStats, SourceTree } from './source-tree.ts';

/** What one source pattern's one match names. */
export class SelectedItem {
  /** Last part of the path as it was named, before links were followed. */
  readonly name: string;
  /** ADD: should this be one file that is an archive, what it holds is added in its place. */
  readonly unpack: boolean;
  /** What the entries' paths are relative to, in the tree. */
  readonly root: string;
  readonly columns: EntryColumns;
  readonly #tree: SourceTree;
  #entries: readonly SelectedEntry[] | undefined;

  constructor(
    tree: SourceTree,
    columns: EntryColumns,
    how: { readonly name: string; readonly root: string; readonly unpack: boolean },
  ) {
    this.#tree = tree;
    this.columns = columns;
    this.name = how.name;
    this.root = how.root;
    this.unpack = how.unpack;
  }

  /** The root first, unless only something below it was taken. Made when first asked for. */
  get entries(): readonly SelectedEntry[] {
    this.#entries ??= this.columns.entries(this.#tree, this.root);
    return this.#entries;
  }
}

/** At once where the digest is known. */
export type HashFile = (entry: SelectedEntry) => Digest | Promise<Digest>;

/** The files that a COPY reads, found from the sources alone. */
export class Selection {
  readonly items: readonly SelectedItem[];
  /** What `digest` asked for: whoever reads a file again holds it to this. */
  readonly hashed: Map<SelectedEntry, Digest>;

  constructor(items: readonly SelectedItem[], hashed: ReadonlyMap<SelectedEntry, Digest> = new Map()) {
    this.items = items;
    this.hashed = new Map(hashed);
  }

  /** One after another, as one COPY reads them. */
  static joined(parts: readonly Selection[]): Selection {
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return only;
    return new Selection(
      parts.flatMap((part) => part.items),
      new Map(parts.flatMap((part) => [...part.hashed])),
    );
  }

  /**
   * Equal for selections whose paths, attributes, times, inodes and links are all the same: by it a digest is found again without a look at
   * each file. The tree is not in it.
   */
  print(): Digest {
    const hash = createHash('sha256');
    for (const { name, root, unpack, columns } of this.items) {
      hash.update(JSON.stringify([name, root, unpack, columns.length]));
      columns.print(hash);
    }
    return finishDigest(hash);
  }

  /** Whether `is` holds for each file's times. */
  everyFile(is: (times: Pick<FileStats, 'mtimeMs' | 'ctimeMs'>) => boolean): boolean {
    return this.items.every(({ columns }) => columns.everyFile(is));
  }

  /** Everything but times, as BuildKit's content hash has it. */
  async digest(options: {
    readonly signal: AbortSignal;
    readonly hash?: HashFile | undefined;
  }): Promise<Digest> {
    const hash = options.hash ?? hashFile;
    const list = new ListDigest();
    for (const item of this.items) {
      // A directory's own name is not copied, a file's is.
      const name = item.entries[0]?.kind === 'directory' ? '' : item.name;
      list.add(item.unpack ? { unpack: name } : name);
      const inodes = new Map<string, number>();
      for (const entry of item.entries) {
        throwIfAborted(options.signal);
        const { path, kind, mode, uid, gid, stats } = entry;
        const linked = entry.inode === undefined ? undefined : inodes.get(entry.inode);
        if (entry.inode !== undefined && linked === undefined) inodes.set(entry.inode, inodes.size);
        const device = kind === 'char' || kind === 'block' ? String(stats.rdev) : undefined;
        const capability = entry.capability?.toString('hex');
        let content: Digest | undefined;
        if (kind === 'file') {
          const found = hash(entry);
          content = typeof found === 'string' ? found : await found;
          this.hashed.set(entry, content);
        }
        const facts = [path, kind, mode, uid, gid, device, content, linked, entry.link, capability];
        list.add(entry.onTheWay ? [...facts, 'on the way'] : facts);
      }
    }
    return list.finish();
  }
}

/** Text that JSON has between quotes as it is. */
const simple = /^[ !#-[\]-~]*$/;

/** Most texts are simple: asking first takes a part of what JSON.stringify takes. */
function jsonOf(item: string | number | undefined): string {
  if (typeof item === 'number') return `${item}`;
  if (item === undefined) return 'null';
  return simple.test(item) ? `"${item}"` : JSON.stringify(item);
}

/** Characters of a list that are hashed at a time. */
const listPiece = 64 * 1024;

/** The digest of a list's JSON, of which only a piece is in memory. */
class ListDigest {
  readonly #hash = createHash('sha256');
  #text = '[';
  #length = 0;

  add(item: string | object | readonly (string | number | undefined)[]): void {
    const text = Array.isArray(item) ? `[${item.map(jsonOf).join(',')}]` : JSON.stringify(item);
    this.#text += this.#length++ === 0 ? text : `,${text}`;
    if (this.#text.length < listPiece) return;
    this.#hash.update(this.#text);
    this.#text = '';
  }

  finish(): Digest {
    return finishDigest(this.#hash.update(`${this.#text}]`));
  }
}

/** Bytes that are read at a time. */
const pieceBytes = 1024 * 1024;

/** Reads a file once; fails when it changes meanwhile. */
export async function hashFile({ tree, source, stats }: SelectedEntry): Promise<Digest> {
  const hash = createHash('sha256');
  for (const piece of tree.read(source, stats, pieceBytes)) hash.update(piece);
  return finishDigest(hash);
}
