import {
  type BigIntStats,
  lstatSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { type BytePath, displayPath, joinBytePath, joinFsPath } from '../../archive/byte-path.ts';
import type { EntryHeader, EntryType } from '../../archive/entry.ts';
import { LayerWriter, type WrittenLayer } from '../../archive/layer-writer.ts';
import { clampTime } from '../../lib/epoch.ts';
import { failure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import { deviceOf } from './device-number.ts';
import { type LayerMarks, layerMarks, type MarkFormat } from './layer-marks.ts';
import { LowerTree } from './lower-tree.ts';
import { isOverlayXattr } from './overlay-xattrs.ts';
import type { Owners } from './owners.ts';
import { type FsPath, loadSyscalls, type Syscalls } from './syscalls.ts';

export interface PackOptions {
  signal?: AbortSignal | undefined;
  /** Clamp for modification times (SOURCE_DATE_EPOCH), seconds. Default: none. */
  epoch?: number | undefined;
  /** gzip level. Default 6. */
  level?: number | undefined;
  /**
   * What a runtime makes where it mounts (`etc/resolv.conf`, `dev/console`, `proc`): deleted from `upper` and left out if still empty.
   * Default: none.
   */
  ignore?: readonly BytePath[] | undefined;
  /**
   * Directories of the layers below, bottom first. With them a directory is told to be opaque only where there is something to hide
   * (overlayfs marks every new one), and a parent that was copied up for an ignored stub alone is left out. Default: none.
   */
  lowers?: readonly string[] | undefined;
  /** How whiteouts and opaque directories are marked, here and in `lowers`. Default: as overlayfs does. */
  marks?: MarkFormat | undefined;
  /** `lost`: everything is said to belong to root. Default `kept`. */
  owners?: Owners | undefined;
}

/**
 * Packs an upper directory of overlayfs as a layer into the file `path`, which must not exist. Run it in the namespace that wrote the
 * directory, so that owners and file capabilities read right. Entries are in byte order, each directory before what is in it.
 *
 * An opaque directory becomes `.wh..wh..opq`, its first entry, not a whiteout for each hidden name: every implementation must accept both
 * (OCI image-spec, layer.md), Docker, containerd and containers/storage do, and only this form is right without reading the lower layers'
 * whole directories. UNSUPPORTED for redirected directories and metadata-only files, which only wrong mount options make. STORE.
 */
export async function packUpper(
  upper: string,
  path: string,
  options: PackOptions = {},
): Promise<WrittenLayer> {
  const calls = await loadSyscalls();
  const writer = await LayerWriter.create(path, { signal: options.signal, level: options.level });
  try {
    await new UpperPacker(upper, writer, calls, options).pack();
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'pack', upper, reasonOf(error), { cause: error });
  }
}

interface PendingDirectory {
  readonly header: EntryHeader;
  readonly opaque: boolean;
}

class UpperPacker {
  readonly #root: string;
  readonly #writer: LayerWriter;
  readonly #calls: Syscalls;
  readonly #epoch: number | undefined;
  readonly #ignore: ReadonlySet<BytePath>;
  readonly #lowers: LowerTree | undefined;
  readonly #marks: LayerMarks;
  readonly #owners: Owners;
  /** Inode → the first path that it was written under. */
  readonly #links = new Map<string, BytePath>();
  /** Parents that are not written yet: they are left out if nothing follows. */
  #pending: PendingDirectory[] = [];

  constructor(root: string, writer: LayerWriter, calls: Syscalls, options: PackOptions) {
    this.#root = root;
    this.#writer = writer;
    this.#calls = calls;
    this.#epoch = options.epoch;
    this.#ignore = new Set(options.ignore);
    this.#marks = layerMarks(options.marks ?? 'overlay', calls);
    this.#owners = options.owners ?? 'kept';
    this.#lowers = options.lowers && new LowerTree(options.lowers, this.#marks);
  }

  async pack(): Promise<void> {
    // The root's own mark would be ignored by overlayfs; it cannot be set either.
    await this.#directory('', false);
  }

  async #directory(path: BytePath, hidden: boolean): Promise<void> {
    const names = readdirSync(joinFsPath(this.#root, path), { encoding: 'latin1' }).sort();
    for (const name of names) {
      const child = joinBytePath(path, name);
      const file = joinFsPath(this.#root, child);
      const stats = lstatSync(file);
      if (this.#ignore.has(child) && this.#removeStub(file, stats)) continue;
      const gone = this.#marks.hiddenName(name, stats);
      if (gone !== undefined) {
        if (hidden || gone === '') continue;
        await this.#flushParents();
        await this.#writer.addWhiteout(joinBytePath(path, gone));
      } else if (stats.isDirectory()) await this.#subdirectory(child, file, stats, hidden);
      else if (!stats.isSocket()) await this.#entry(child, file, stats);
    }
  }

  async #subdirectory(path: BytePath, file: FsPath, stats: Stats, hidden: boolean): Promise<void> {
    const xattrs = this.#xattrs(path, file);
    const marked = this.#marks.isOpaque(this.#root, path);
    const lower = this.#lowers?.find(path);
    const opaque = marked && !hidden && (this.#lowers === undefined || lower !== undefined);
    const header = { ...this.#header(path, 'directory', stats), ...(xattrs && { xattrs }) };
    const before = this.#pending.length;
    this.#pending.push({ header, opaque });
    const removable =
      this.#holdsIgnored(path) && lower !== undefined && !opaque && isSame(lower.stats, stats);
    if (!removable) await this.#flushParents();
    await this.#directory(path, hidden || marked);
    // Copied up for a stub alone: what is below is the same.
    this.#pending.length = Math.min(this.#pending.length, before);
  }

  #holdsIgnored(path: BytePath): boolean {
    for (const stub of this.#ignore) if (stub.startsWith(`${path}/`)) return true;
    return false;
  }

  async #flushParents(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const { header, opaque } of pending) {
      await this.#writer.add(header);
      if (opaque) await this.#writer.addOpaque(header.path);
    }
  }

  async #entry(path: BytePath, file: FsPath, stats: Stats): Promise<void> {
    await this.#flushParents();
    const type = typeOf(stats);
    if (stats.nlink > 1) {
      const first = this.#firstName(path, file);
      if (first !== undefined) {
        await this.#writer.add({ ...this.#header(path, 'hardlink', stats), linkname: first });
        return;
      }
    }
    const header = this.#header(path, type, stats);
    if (type === 'file') {
      const xattrs = this.#xattrs(path, file);
      await this.#writer.add({ ...header, size: stats.size, ...(xattrs && { xattrs }) }, { file });
    } else if (type === 'symlink') {
      await this.#writer.add({ ...header, linkname: readlinkSync(file, { encoding: 'latin1' }) });
    } else if (type === 'fifo') await this.#writer.add(header);
    else {
      const { major: devMajor, minor: devMinor } = deviceOf(stats.rdev);
      await this.#writer.add({ ...header, devMajor, devMinor });
    }
  }

  /** The path that this file was already written under. */
  #firstName(path: BytePath, file: FsPath): BytePath | undefined {
    // Inode numbers above 2^53 collide as doubles.
    const { dev, ino }: BigIntStats = lstatSync(file, { bigint: true });
    const key = `${dev}:${ino}`;
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, path);
    return first;
  }

  #header(path: BytePath, type: EntryType, stats: Stats): EntryHeader {
    const mtime = clampTime(stats.mtimeMs / 1000, this.#epoch);
    const owner = this.#owners === 'lost' ? { uid: 0, gid: 0 } : { uid: stats.uid, gid: stats.gid };
    return { path, type, mode: stats.mode & 0o7777, ...owner, size: 0, mtime };
  }

  /** security.capability only: others are this machine's. */
  #xattrs(path: BytePath, file: FsPath): Map<string, Buffer> | undefined {
    let found: Map<string, Buffer> | undefined;
    for (const name of this.#calls.listXattrs(file)) {
      if (isOverlayXattr(name) && /\.(?:redirect|metacopy)$/.test(name)) {
        throw failure('UNSUPPORTED', 'pack', displayPath(path), `it carries ${name}`, {
          hint: 'mount overlayfs with redirect_dir=nofollow and metacopy=off',
        });
      }
      if (name !== 'security.capability') continue;
      const value = this.#calls.getXattr(file, name);
      if (value) found = new Map([[name, withoutRootId(value)]]);
    }
    return found;
  }

  #removeStub(file: FsPath, stats: Stats): boolean {
    if (stats.isFile() && stats.size === 0) unlinkSync(file);
    else if (stats.isDirectory() && readdirSync(file).length === 0) rmdirSync(file);
    else return false;
    return true;
  }
}

/** Revision 3 names the user namespace's root; layers carry revision 2 (capabilities(7), "File capability extended attribute versioning"). */
function withoutRootId(value: Buffer): Buffer {
  if (value.length !== 24 || value[3] !== 3) return value;
  const result = Buffer.from(value.subarray(0, 20));
  result[3] = 2;
  return result;
}

function isSame(lower: Stats, upper: Stats): boolean {
  return (
    lower.isDirectory() && lower.mode === upper.mode && lower.uid === upper.uid && lower.gid === upper.gid
  );
}

function typeOf(stats: Stats): EntryType {
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  return stats.isCharacterDevice() ? 'char' : 'block';
}
