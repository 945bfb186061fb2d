import { createHash } from 'node:crypto';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { throwIfAborted } from '../../../lib/errors.ts';
import type { SourceStats, SourceTree } from './source-tree.ts';

export type SelectedKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'char' | 'block';

/** One file of the source. Paths and links are byte strings. */
export interface SelectedEntry {
  readonly tree: SourceTree;
  /** Relative to the item's root; empty for the root itself. */
  readonly path: string;
  /** In the source tree, links of its parents resolved. */
  readonly source: string;
  readonly kind: SelectedKind;
  /** Permission, setuid, setgid and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly stats: SourceStats;
  readonly link?: string | undefined;
  readonly capability?: Buffer | undefined;
  /** Same text, same file: there when the file has several names. */
  readonly inode?: string | undefined;
}

/** What one source pattern's one match names. */
export interface SelectedItem {
  /** Last part of the path as it was named, before links were followed. */
  readonly name: string;
  /** The root first, unless only something below it was taken. */
  readonly entries: readonly SelectedEntry[];
  /** ADD: should this be one file that is an archive, what it holds is added in its place. */
  readonly unpack: boolean;
}

/** At once where the digest is known. */
export type HashFile = (entry: SelectedEntry) => Digest | Promise<Digest>;

/** The files that a COPY reads, found from the sources alone. */
export class Selection {
  readonly items: readonly SelectedItem[];
  /** What `digest` read: whoever reads a file again holds it to this. */
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
        list.add([path, kind, mode, uid, gid, device, content, linked, entry.link, capability]);
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
