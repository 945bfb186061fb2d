import {
  type BytePath,
  compareBytePaths,
  displayPath,
  joinBytePath,
  parentOf,
} from '../../../archive/byte-path.ts';
import type { EntryHeader } from '../../../archive/entry.ts';
import type { MergedView } from '../../../archive/merged-view.ts';
import { canonicalJson } from '../../../lib/canonical-json.ts';
import { failure } from '../../../lib/errors.ts';
import type { SelectedEntry } from './select-sources.ts';

/** One entry of the layer that a COPY makes. */
export interface PlannedEntry {
  readonly header: EntryHeader;
  /** The file that the content is read from; only files have one. */
  readonly source?: SelectedEntry;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A layer that is decided but not written: entries in byte order, parents first. */
export interface CopyPlan {
  readonly entries: readonly PlannedEntry[];
  /** Canonical JSON of all that was learnt of the target: equal facts and equal sources make equal layers. */
  readonly facts: string;
}

/** Gathers the entries of one layer; each path once, the parents of each with the metadata that they have in the target. */
export class CopyPlanner {
  readonly #target: MergedView;
  readonly #owner: Owner | undefined;
  readonly #madeAt: number;
  readonly #entries = new Map<BytePath, PlannedEntry>();
  readonly #facts = new Map<string, unknown>();

  /** `owner`: of the directories that are made; `madeAt`: their time, seconds. */
  constructor(target: MergedView, options: { owner?: Owner | undefined; madeAt: number }) {
    this.#target = target;
    this.#owner = options.owner;
    this.#madeAt = options.madeAt;
  }

  /** `path` with the target's links followed. */
  resolve(path: BytePath): BytePath {
    const found = this.#target.resolve(path);
    this.#facts.set(`resolve ${path}`, found);
    return found;
  }

  isDirectory(path: BytePath): boolean {
    const found = path === '' || this.#target.lookup(path)?.type === 'directory';
    this.#facts.set(`directory ${path}`, found);
    return found;
  }

  /** Makes the directory and its parents where they are missing; `path` must be resolved. */
  directory(path: BytePath): void {
    if (path === '' || this.#entries.get(path)?.header.type === 'directory') return;
    this.directory(parentOf(path));
    const there = this.#target.lookup(path);
    if (there !== undefined && there.type !== 'directory') {
      throw failure(
        'STEP_FAILED',
        'copy to',
        `/${displayPath(path)}`,
        `it is a ${there.type}, not a directory`,
      );
    }
    const { uid, gid } = this.#owner ?? { uid: 0, gid: 0 };
    const header = there ?? { path, type: 'directory', mode: 0o755, uid, gid, size: 0, mtime: this.#madeAt };
    this.#facts.set(`parent ${path}`, there === undefined ? null : { ...there, xattrs: xattrText(there) });
    this.#entries.set(path, { header });
  }

  add(header: EntryHeader, source?: SelectedEntry): void {
    const { path, type } = header;
    this.directory(parentOf(path));
    const there = this.#target.lookup(path);
    if (
      type === 'directory' ? there !== undefined && there.type !== 'directory' : there?.type === 'directory'
    ) {
      throw failure(
        'STEP_FAILED',
        'copy to',
        `/${displayPath(path)}`,
        `a ${type} cannot take the place of a ${there?.type}`,
      );
    }
    if (type !== 'directory' && this.#entries.get(path)?.header.type === 'directory') {
      throw failure(
        'STEP_FAILED',
        'copy to',
        `/${displayPath(path)}`,
        'one source has a directory there, another a file',
      );
    }
    this.#entries.set(path, source === undefined ? { header } : { header, source });
  }

  plan(): CopyPlan {
    const facts = [...this.#facts].sort(([a], [b]) => compareBytePaths(a, b));
    const entries = [...this.#entries.values()].sort((a, b) =>
      compareBytePaths(a.header.path, b.header.path),
    );
    return { entries, facts: canonicalJson(facts) };
  }
}

function xattrText(header: EntryHeader): string[][] | undefined {
  return header.xattrs && [...header.xattrs].map(([name, value]) => [name, value.toString('base64')]);
}

/** `/a/b/` → `a/b`, as bytes. */
export function targetPath(path: string): BytePath {
  const parts = Buffer.from(path).toString('latin1').split('/');
  return parts
    .filter((part) => part !== '' && part !== '.')
    .reduce((done, part) => (part === '..' ? parentOf(done) : joinBytePath(done, part)), '');
}
