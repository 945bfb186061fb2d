import { lstatSync, type Stats, writeFileSync } from 'node:fs';
import { type BytePath, baseNameOf, joinBytePath, joinFsPath, parentOf } from '../../archive/byte-path.ts';
import { isOpaque, opaqueMark } from './overlay-xattrs.ts';
import { type FsPath, fileType, type Syscalls } from './syscalls.ts';

/**
 * `overlay`: what overlayfs reads. `names`: what any file system can hold, for snapshots that nobody mounts. `both`: written as names, read either way,
 * as fuse-overlayfs does.
 */
export type MarkFormat = 'overlay' | 'names' | 'both';

/** How a layer's directory says what it hides of the layers below it. */
export interface LayerMarks {
  readonly format: MarkFormat;
  makeWhiteout(layer: string, path: BytePath): void;
  makeOpaque(layer: string, directory: BytePath): void;
  isOpaque(layer: string, directory: BytePath): boolean;
  /** Whether the layer takes `path` away; `stats` is what it has there. */
  hides(layer: string, path: BytePath, stats: Stats | undefined): boolean;
  /** The name that the entry `name` of a directory takes away; '' for a mark that names none, undefined for a file of the layer. */
  hiddenName(name: BytePath, stats: Stats): BytePath | undefined;
}

export function layerMarks(format: MarkFormat, calls: Syscalls): LayerMarks {
  if (format === 'names') return nameMarks;
  return format === 'overlay' ? overlayMarks(calls) : bothMarks(overlayMarks(calls));
}

/** Character devices 0:0 and an extended attribute (Linux, filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
function overlayMarks(calls: Syscalls): LayerMarks {
  return {
    format: 'overlay',
    makeWhiteout: (layer, path) => calls.mknod(joinFsPath(layer, path), fileType.char, 0, 0),
    makeOpaque: (layer, directory) =>
      calls.setXattr(joinFsPath(layer, directory), opaqueMark, Buffer.from('y')),
    isOpaque: (layer, directory) => isOpaque(calls, joinFsPath(layer, directory)),
    hides: (_layer, _path, stats) => stats !== undefined && isWhiteout(stats),
    hiddenName: (name, stats) => (isWhiteout(stats) ? name : undefined),
  };
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

const prefix = '.wh.';
const opaqueName = `${prefix}${prefix}.opq`;

/** The names that layers themselves use (OCI image-spec, layer.md, "Whiteouts"): a file of a layer never has one. */
const nameMarks: LayerMarks = {
  format: 'names',
  makeWhiteout: (layer, path) => mark(layer, whiteoutOf(path)),
  makeOpaque: (layer, directory) => mark(layer, joinBytePath(directory, opaqueName)),
  isOpaque: (layer, directory) => exists(joinFsPath(layer, joinBytePath(directory, opaqueName))),
  hides: (layer, path, stats) => stats === undefined && exists(joinFsPath(layer, whiteoutOf(path))),
  hiddenName: (name) =>
    name === opaqueName ? '' : name.startsWith(prefix) ? name.slice(prefix.length) : undefined,
};

function bothMarks(overlay: LayerMarks): LayerMarks {
  return {
    ...nameMarks,
    format: 'both',
    isOpaque: (layer, directory) =>
      nameMarks.isOpaque(layer, directory) || overlay.isOpaque(layer, directory),
    hides: (layer, path, stats) => overlay.hides(layer, path, stats) || nameMarks.hides(layer, path, stats),
    hiddenName: (name, stats) => overlay.hiddenName(name, stats) ?? nameMarks.hiddenName(name, stats),
  };
}

/** Whether a file of this name would read as a mark. */
export function isMarkName(name: BytePath): boolean {
  return name.startsWith(prefix);
}

function whiteoutOf(path: BytePath): BytePath {
  return joinBytePath(parentOf(path), `${prefix}${baseNameOf(path)}`);
}

function mark(layer: string, path: BytePath): void {
  writeFileSync(joinFsPath(layer, path), '', { flag: 'wx', mode: 0o600 });
}

function exists(file: FsPath): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}
