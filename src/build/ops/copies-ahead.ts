import { rm } from 'node:fs/promises';
import type { BytePath } from '../../archive/byte-path.ts';
import { bytePathOf, parentOf } from '../../archive/byte-path.ts';
import type { WrittenLayer } from '../../archive/layer-writer.ts';
import type { TocEntry } from '../../archive/toc.ts';
import type { Digest } from '../../lib/digest.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import type { TargetView } from '../snapshot/copy/target-view.ts';

/** A layer that lies in a file, before anybody knows whether it is the one that is wanted. */
interface CopyAhead {
  readonly plan: CopyPlan;
  readonly path: string;
  readonly written: Promise<WrittenLayer>;
  /** What its files' bytes were, and when the first was read, milliseconds since 1970. */
  readonly read: { readonly digests: Map<SelectedEntry, Digest>; readonly started: number };
}

/**
 * Layers of COPYs, written beside the steps that their targets wait for. What a COPY writes depends on a few facts of its target: they are assumed, and
 * a layer is taken only where they turn out to be so. What nobody takes is removed.
 */
export class CopiesAhead {
  readonly #copies = new Map<string, CopyAhead>();
  /** Whoever asks for a layer that is not begun writes it itself. */
  readonly #asked = new Set<string>();

  isWanted(key: string): boolean {
    return !this.#asked.has(key) && !this.#copies.has(key);
  }

  add(key: string, copy: CopyAhead): void {
    copy.written.catch(() => {});
    this.#copies.set(key, copy);
  }

  /**
   * The layer of that plan, if it was written and has what is known of the files' bytes (`hashed`) by now. Undefined also where writing it failed: who
   * writes it again says why. With `exactTimes` directories of the target that are in it have the plan's times, too.
   */
  async take(
    key: string,
    plan: CopyPlan,
    {
      hashed,
      exactTimes,
    }: { readonly hashed: ReadonlyMap<SelectedEntry, Digest>; readonly exactTimes: boolean },
  ): Promise<(Omit<CopyAhead, 'written'> & { readonly written: WrittenLayer }) | undefined> {
    this.#asked.add(key);
    const copy = this.#copies.get(key);
    if (copy === undefined || copy.plan.facts !== plan.facts) return undefined;
    if (exactTimes && !haveSameTimes(copy.plan, plan)) return undefined;
    const written = await copy.written.catch(() => undefined);
    if (written === undefined) return undefined;
    for (const [entry, digest] of copy.read.digests)
      if ((hashed.get(entry) ?? digest) !== digest) return undefined;
    this.#copies.delete(key);
    return { ...copy, written };
  }

  /** Call it when what writes them has been told to stop. */
  async removeRest(): Promise<void> {
    const left = [...this.#copies.values()];
    this.#copies.clear();
    for (const { path, written } of left) {
      await written.catch(() => {});
      await rm(path, { force: true });
    }
  }
}

function haveSameTimes(one: CopyPlan, other: CopyPlan): boolean {
  return (
    one.entries.length === other.entries.length &&
    one.entries.every(({ header }, at) => header.mtime === other.entries[at]?.header.mtime)
  );
}

/** A target of which it is assumed that it has these directories, as WORKDIR makes them, and nothing else where something is copied to. */
export class AssumedTarget implements TargetView {
  readonly #directories: ReadonlySet<BytePath>;
  readonly #mtime: number;

  /** `mtime`: seconds. */
  constructor(directories: readonly string[], mtime: number) {
    const paths = new Set<BytePath>(['']);
    for (const directory of directories)
      for (let at = this.resolve(bytePathOf(directory)); at !== ''; at = parentOf(at)) paths.add(at);
    this.#directories = paths;
    this.#mtime = mtime;
  }

  lookup(path: BytePath): TocEntry | undefined {
    if (!this.#directories.has(path)) return undefined;
    return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: this.#mtime };
  }

  resolve(path: BytePath): BytePath {
    return path.replace(/^\/+|\/+$/g, '');
  }
}
