import type { FileStats, SourceTree } from './source-tree.ts';

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
  readonly stats: FileStats;
  readonly link?: string | undefined;
  readonly capability?: Buffer | undefined;
  /** Same text, same file: there when the file has several names. */
  readonly inode?: string | undefined;
  /** A directory that no pattern names, taken for what is below it: where there is one already it gives that its mode alone. Default false. */
  readonly onTheWay?: boolean | undefined;
}
