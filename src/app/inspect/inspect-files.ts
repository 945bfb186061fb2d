import { type BytePath, bytePathOf, displayPath } from '../../archive/byte-path.ts';
import type { EntryType } from '../../archive/entry.ts';
import type { TocEntry } from '../../archive/toc.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { readImageLayers } from '../image-layers.ts';
import { type ImageTree, LayerTocs, readImageTree } from './image-tree.ts';
import { type InspectOptions, imageOf, type Root, withRoot } from './open-root.ts';
import { pathsBelow } from './paths-below.ts';

/** One name in an image's merged file tree. */
export interface ImageFile {
  /** Absolute; bytes that are no UTF-8 as latin1, control characters escaped as `\x1b`. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky, octal: `0755`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** RFC 3339, whole seconds. */
  readonly mtime: string;
  /** Of a symbolic link as it is written; of a hard link the other name, absolute. */
  readonly linkname?: string;
  /** Major and minor number of a device. */
  readonly device?: string;
  /** Names of the extended attributes. */
  readonly xattrs?: readonly string[];
  /** Which layer it is from, counted from 1; 0 for a directory that no layer has an entry for. */
  readonly layer: number;
}

export interface ImageFiles {
  readonly reference: string;
  /** Of the manifest. */
  readonly digest: Digest;
  readonly platform: string;
  /** In byte order of the names, directories before what is in them. Made as they are asked for. */
  readonly files: Iterable<ImageFile>;
}

/**
 * The merged file tree of one platform's image (this machine's, when an index is named and no platform), or what is at and below `path`.
 * Layers are streamed, whiteouts applied, nothing is unpacked. NOT_FOUND when there is no such path; links in it are followed.
 */
export async function inspectFiles(
  text: string,
  options: InspectOptions & { path?: string | undefined } = {},
): Promise<ImageFiles> {
  return await withRoot(text, options, (root) => filesOf(root, options));
}

/** The same of what is open already. */
export async function filesOf(
  named: Root,
  options: IoOptions & { path?: string | undefined } = {},
): Promise<ImageFiles> {
  const root = await imageOf(named, options);
  const { config, layers } = await readImageLayers(root.store, root.descriptor, options);
  const tree = await readImageTree(root.store, layers, new LayerTocs({ signal: options.signal }));
  const start = tree.view.resolve(bytePathOf(options.path ?? '/'));
  if (tree.view.lookup(start) === undefined) {
    throw failure('NOT_FOUND', 'list', displayPath(`/${start}`), `${root.reference} has no such file`);
  }
  const { reference, descriptor } = root;
  return { reference, digest: descriptor.digest, platform: formatPlatform(config), files: walk(tree, start) };
}

function* walk(tree: ImageTree, start: BytePath): Generator<ImageFile> {
  for (const entry of pathsBelow(tree.view, start)) yield fileOf(entry, tree);
}

function fileOf(entry: TocEntry, tree: ImageTree): ImageFile {
  const { path, type, mode, uid, gid, mtime, linkname, devMajor, devMinor, xattrs } = entry;
  return {
    path: displayPath(`/${path}`),
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size: tree.targetOf(entry).size,
    mtime: timeOf(mtime),
    ...(linkname === undefined
      ? {}
      : { linkname: displayPath(type === 'hardlink' ? `/${linkname}` : linkname) }),
    ...(devMajor === undefined ? {} : { device: `${devMajor}:${devMinor ?? 0}` }),
    ...(xattrs?.size ? { xattrs: [...xattrs.keys()] } : {}),
    layer: tree.layerOf(entry),
  };
}

/** Years that JavaScript cannot name are an archive's nonsense: the end of time then. */
function timeOf(seconds: number): string {
  const most = 253_402_300_799;
  return new Date(Math.max(-62_135_596_800, Math.min(most, seconds)) * 1000)
    .toISOString()
    .replace('.000Z', 'Z');
}
