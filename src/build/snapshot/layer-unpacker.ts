import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { type BytePath, displayPath, joinBytePath, joinFsPath, toFsPath } from '../../archive/byte-path.ts';
import type { EntryHeader } from '../../archive/entry.ts';
import { LayerTree, type TreeChange, type TreeNode } from '../../archive/layer-tree.ts';
import type { TarHandler, TarLimits } from '../../archive/tar-parser.ts';
import type { TocEntry } from '../../archive/toc.ts';
import { failure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import { mayMakeDevices } from './device-privilege.ts';
import { type LayerMarks, layerMarks, type MarkFormat } from './layer-marks.ts';
import { MetadataWriter, metadataOf } from './layer-metadata.ts';
import { LowerTree } from './lower-tree.ts';
import { copyEntry } from './merge-layers.ts';
import type { Owners } from './owners.ts';
import { removeTree } from './remove-tree.ts';
import { SparseFile } from './sparse-file.ts';
import { type FsPath, fileType, type Syscalls } from './syscalls.ts';

export interface ExtractOptions {
  signal?: AbortSignal | undefined;
  limits?: Partial<TarLimits> | undefined;
  /**
   * Directories of the layers below, bottom first, as this function made them. Parents that the layer leaves out take their metadata from
   * there, hard links to files of lower layers are copied from there, and links in such parents are followed there. Default: none.
   */
  lowers?: readonly string[] | undefined;
  /** How whiteouts and opaque directories are marked, here and in `lowers`. Default: as overlayfs reads them. */
  marks?: MarkFormat | undefined;
  /** `lost`: everything belongs to this process's user, who may give nothing away. Default `kept`. */
  owners?: Owners | undefined;
}

export interface ExtractedLayer {
  /** For the caller to honour: overlayfs ignores the mark on a root. Mount no layer below this one. */
  readonly opaqueRoot: boolean;
  /** The archive has no entry for the root. */
  readonly impliedRoot: boolean;
  /** Directories that the layer has something in but no entry for. Their metadata is that of `lowers`: right for this chain only. */
  readonly impliedParents: readonly BytePath[];
  /** Hard links to files that were copied from `lowers`: right for this chain only. */
  readonly copiedFromLowers: readonly BytePath[];
  /** Devices that this process may not make. */
  readonly skippedDevices: readonly BytePath[];
  /** Extended attributes that could not be set, a line each; at most 100. */
  readonly warnings: readonly string[];
}

const maxWarnings = 100;

type Put = Extract<TreeChange, { kind: 'put' }>;

/**
 * Writes entries into a directory as they come. Every path that it touches was worked out by LayerTree: all its parents are directories that
 * were made here, so no call follows a link. Whiteouts, marks and all that concerns directories wait for `finish`, when the tree is final.
 */
export class LayerUnpacker implements TarHandler {
  readonly #root: string;
  readonly #calls: Syscalls;
  readonly #source: string;
  readonly #tree: LayerTree;
  readonly #lowers: LowerTree;
  readonly #marks: LayerMarks;
  readonly #metadata: MetadataWriter;
  readonly #keepOwners: boolean;
  readonly #noDevices: boolean;
  readonly #umask = readUmask();
  readonly #uid = process.geteuid?.() ?? -1;
  readonly #gid = process.getegid?.() ?? -1;
  readonly #warnings: string[] = [];
  readonly #copied: BytePath[] = [];
  readonly #skipped = new Set<BytePath>();
  #file: { readonly content: SparseFile; readonly path: BytePath; readonly entry: TocEntry } | undefined;

  constructor(root: string, calls: Syscalls, options: ExtractOptions & { source: string }) {
    this.#root = root;
    this.#calls = calls;
    this.#source = options.source;
    this.#marks = layerMarks(options.marks ?? 'overlay', calls);
    this.#keepOwners = options.owners !== 'lost';
    this.#lowers = new LowerTree(options.lowers ?? [], this.#marks);
    this.#tree = new LayerTree({
      source: options.source,
      keep: 'structure',
      ...(options.lowers?.length && { lowerLink: (path: BytePath) => this.#lowers.linkAt(path) }),
    });
    this.#noDevices = !mayMakeDevices();
    this.#metadata = new MetadataWriter(
      calls,
      (message) => {
        if (this.#warnings.length < maxWarnings) this.#warnings.push(message);
      },
      options.owners,
    );
  }

  entry(header: EntryHeader): void {
    const change = this.#tree.apply(header);
    if (change.kind === 'none') return;
    this.#at(change.path, () => {
      for (const path of change.implied) mkdirSync(joinFsPath(this.#root, path), 0o700);
      if (change.kind === 'put') this.#put(change);
    });
  }

  data(bytes: Buffer): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#at(file.path, () => file.content.write(bytes));
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#at(file.path, () => {
      const { entry, content } = file;
      const { fd } = content;
      content.finish();
      if (this.#keepOwners && (entry.uid !== this.#uid || entry.gid !== this.#gid))
        fchownSync(fd, entry.uid, entry.gid);
      if (entry.xattrs) this.#metadata.setXattrs(file.path, joinFsPath(this.#root, file.path), entry);
      // open(2) gave it else; setuid and setgid must come after the data, which would clear them.
      const mode = this.#metadata.modeOf(entry);
      if (mode !== entry.mode || (mode & (0o7000 | this.#umask)) !== 0) fchmodSync(fd, mode);
      if (entry.mtimeNs || entry.mtime < 0) this.#metadata.setTimes(joinFsPath(this.#root, file.path), entry);
      else futimesSync(fd, entry.mtime, entry.mtime);
    });
    this.close();
  }

  /** Call it whatever happened. */
  close(): void {
    if (this.#file) closeSync(this.#file.content.fd);
    this.#file = undefined;
  }

  finish(): ExtractedLayer {
    const implied: BytePath[] = [];
    const directories: { node: TreeNode; path: BytePath }[] = [];
    const stack: { node: TreeNode; path: BytePath; hidden: boolean }[] = [
      { node: this.#tree.root, path: '', hidden: false },
    ];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { node, path } = top;
      // Below an opaque directory there is nothing to white out, and overlayfs would list such a whiteout as a name.
      const hidden = top.hidden || node.opaque;
      directories.push({ node, path });
      if (node.entry === undefined && path !== '') implied.push(path);
      if (!hidden) for (const name of node.whiteouts ?? []) this.#whiteout(joinBytePath(path, name));
      for (const [name, child] of node.children ?? []) {
        if (child.children) stack.push({ node: child, path: joinBytePath(path, name), hidden });
      }
    }
    // Children first: a parent's mode may shut it, and what is done in it changes its time.
    for (const { node, path } of directories.reverse()) this.#finishDirectory(node, path);
    return {
      opaqueRoot: this.#tree.root.opaque,
      impliedRoot: this.#tree.root.entry === undefined,
      impliedParents: implied.sort(),
      copiedFromLowers: this.#copied,
      skippedDevices: [...this.#skipped],
      warnings: this.#warnings,
    };
  }

  #whiteout(path: BytePath): void {
    this.#at(path, () => this.#marks.makeWhiteout(this.#root, path));
  }

  #finishDirectory(node: TreeNode, path: BytePath): void {
    this.#at(path, () => {
      const file = joinFsPath(this.#root, path);
      if (node.opaque) this.#marks.makeOpaque(this.#root, path);
      this.#metadata.apply(path, file, node.entry ?? this.#lowerDirectory(path));
    });
  }

  #lowerDirectory(path: BytePath) {
    const lower = path === '' ? undefined : this.#lowers.find(path);
    if (lower?.stats.isDirectory()) return metadataOf(this.#calls, lower.file, lower.stats);
    return { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 } as const;
  }

  #put(change: Put): void {
    const { path, entry } = change;
    const file = joinFsPath(this.#root, path);
    if (change.replaces === 'tree') removeTree(file);
    else if (change.replaces === 'name' && !this.#skipped.delete(path)) unlinkSync(file);
    switch (entry.type) {
      case 'directory':
        if (change.replaces !== 'directory') mkdirSync(file, 0o700);
        return;
      case 'file':
        this.#file = {
          content: new SparseFile(openSync(file, createExclusive, entry.mode & 0o777)),
          path,
          entry,
        };
        return;
      case 'symlink':
        symlinkSync(toFsPath(entry.linkname ?? ''), file);
        break;
      case 'hardlink':
        this.#link(change, file);
        return;
      case 'fifo':
        this.#calls.mknod(file, fileType.fifo | 0o600, 0, 0);
        break;
      default:
        if (!this.#device(path, file, entry)) return;
    }
    this.#metadata.apply(path, file, entry);
  }

  #device(path: BytePath, file: FsPath, entry: TocEntry): boolean {
    const major = entry.devMajor ?? 0;
    const minor = entry.devMinor ?? 0;
    if (entry.type === 'char' && major === 0 && minor === 0) {
      throw failure(
        'ARCHIVE',
        'extract',
        displayPath(path),
        'the device 0:0 stands for a removed file, no layer may hold it',
      );
    }
    if (this.#noDevices) {
      this.#skipped.add(path);
      return false;
    }
    this.#calls.mknod(file, fileType[entry.type === 'char' ? 'char' : 'block'] | 0o600, major, minor);
    return true;
  }

  #link(change: Put, file: FsPath): void {
    const target = change.target as NonNullable<Put['target']>;
    if (target.here) {
      if (this.#skipped.has(target.path)) this.#skipped.add(change.path);
      else this.#linkOrCopy(change.path, joinFsPath(this.#root, target.path), file);
      return;
    }
    const lower = this.#lowers.find(target.path);
    if (lower === undefined || lower.stats.isDirectory()) {
      throw failure(
        'ARCHIVE',
        'extract',
        displayPath(change.path),
        `its target "${displayPath(target.path)}" does not exist`,
      );
    }
    if (!lower.stats.isFile() && !lower.stats.isSymbolicLink()) {
      throw failure(
        'UNSUPPORTED',
        'extract',
        displayPath(change.path),
        'a hard link to a device or pipe of a lower layer',
      );
    }
    this.#copy(change.path, lower.file, file);
    this.#copied.push(change.path);
  }

  #linkOrCopy(path: BytePath, target: FsPath, file: FsPath): void {
    try {
      linkSync(target, file);
    } catch (error) {
      // ext4 allows 65,000 names for a file.
      if (!(error instanceof Error && 'code' in error && error.code === 'EMLINK')) throw error;
      this.#copy(path, target, file);
    }
  }

  #copy(path: BytePath, from: FsPath, to: FsPath): void {
    const stats = lstatSync(from);
    copyEntry(this.#calls, from, to, stats);
    this.#metadata.apply(path, to, metadataOf(this.#calls, from, stats));
  }

  #at(path: BytePath, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof PolyarchError) throw error;
      const hint =
        error instanceof Error && 'code' in error && error.code === 'EINVAL'
          ? 'the owner may have no place among the ids of this user namespace (/etc/subuid, /etc/subgid)'
          : undefined;
      throw failure('STORE', 'extract', displayPath(path), `${reasonOf(error)} (layer ${this.#source})`, {
        cause: error,
        hint,
      });
    }
  }
}

const createExclusive = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Node offers no read of the umask without a write, which workers may not do. */
function readUmask(): number {
  const found = /^Umask:\s*([0-7]+)/m.exec(readFileSync('/proc/self/status', 'latin1'));
  return Number.parseInt(found?.[1] ?? '777', 8);
}
