import { type BytePath, displayPath, joinBytePath } from '../../../archive/byte-path.ts';
import { ArchiveTree } from './archive-tree.ts';
import type { Owner } from './copy-plan.ts';
import type { LayerDraft } from './layer-draft.ts';
import { openArchive } from './open-archive.ts';
import { selectSources } from './select-sources.ts';
import type { SelectedEntry } from './selected-entry.ts';

export interface UnpackOptions {
  /** Where files' bytes lie until the layer is written. */
  readonly spoolDirectory: string;
  /** Told of each archive that was opened: whoever planned closes it when the layer is written. */
  readonly onOpen: (archive: ArchiveTree) => void;
  readonly signal: AbortSignal;
}

const pieceBytes = 1024 * 1024;

/**
 * What ADD makes of an archive at `onto` (BuildKit solver/llbsolver/file/unpack.go, moby/go-archive Unpack): owners, modes and times are the
 * archive's, `--chown` replaces the owners; what is at a name goes, unless both are directories; links that the target has below are followed
 * with `onto` as the root. False when the file is no archive.
 */
export async function unpackArchive(
  file: SelectedEntry,
  draft: LayerDraft,
  onto: { readonly path: BytePath; readonly owner: Owner | undefined },
  { spoolDirectory, onOpen, signal }: UnpackOptions,
): Promise<boolean> {
  const { tree, source, stats } = file;
  const named = { source: displayPath(source), signal };
  const tar = await openArchive(() => tree.read(source, stats, pieceBytes), named);
  if (tar === undefined) return false;
  const archive = await ArchiveTree.read(tar, {
    ...named,
    spoolDirectory,
    lowerLink(path) {
      const there = draft.at(joinBytePath(onto.path, path));
      if (there?.type !== 'symlink') return undefined;
      draft.learn({ link: path, to: there.linkname });
      return there.linkname;
    },
  });
  onOpen(archive);
  draft.makeDirectories(onto.path, { mode: 0o755, ...(onto.owner ?? { uid: 0, gid: 0 }) });
  const { items } = selectSources(archive, [{ pattern: '.', literal: true }], { owners: 'keep', signal });
  for (const entry of items[0]?.entries ?? []) {
    if (entry.path === '') continue;
    const path = joinBytePath(onto.path, entry.path);
    const header = archive.header(entry.path);
    if (header === undefined) {
      draft.makeDirectories(path, { mode: 0o755, uid: 0, gid: 0 });
      continue;
    }
    const digest = archive.digest(entry.path);
    draft.replace(
      { ...header, path, mtimeNs: undefined, xattrs: keptXattrs(header.xattrs), ...onto.owner },
      {
        ...(entry.kind === 'file' && { source: entry }),
        ...(digest !== undefined && { digest }),
        ...(entry.inode !== undefined && { inode: `${displayPath(source)}:${entry.inode}` }),
      },
    );
  }
  return true;
}

/** Not what overlayfs would take for its own, nor what only this machine's kernel means something by. */
function keptXattrs(
  xattrs: ReadonlyMap<string, Buffer> | undefined,
): ReadonlyMap<string, Buffer> | undefined {
  const kept = [...(xattrs ?? [])].filter(
    ([name]) =>
      name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
  );
  return kept.length === 0 ? undefined : new Map(kept);
}
