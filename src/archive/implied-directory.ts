import type { BytePath } from './byte-path.ts';
import type { TocEntry } from './toc.ts';

/** A directory that an archive left out, as every extractor makes it. */
export function impliedDirectory(path: BytePath): TocEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
}
