import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { CopyOp } from '../graph/op.ts';
import { selectSources } from '../snapshot/copy/select-sources.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import { type HashFile, hashFile, Selection } from '../snapshot/copy/selection.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { FileOrigins, OpenedOrigin } from './file-origins.ts';

interface Part {
  readonly selection: Selection;
  readonly origin: OpenedOrigin;
}

/** What was read of files for another end than their digest. */
export interface ReadFiles {
  readonly digests: ReadonlyMap<SelectedEntry, Digest>;
  /** Before the first was read, milliseconds since 1970. */
  readonly started: number;
}

/** The files that a COPY or ADD reads, and a digest of all that shows in its layer but times. */
export class FoundFiles {
  readonly selection: Selection;
  readonly #parts: readonly Part[];
  readonly #digest = new Memo<Digest>();
  /** Parts whose digest an earlier build made. */
  readonly #lookedUp = new Map<Part, Digest>();

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.selection = Selection.joined(parts.map((part) => part.selection));
  }

  /** Made once. Files whose digest is neither in `read` nor remembered are read for it. */
  digest(options: SolveOptions, read?: ReadFiles): Promise<Digest> {
    return this.#digest.of('', () => this.#make(options, read), options.signal);
  }

  /**
   * Before a layer is written of files whose digest was asked for: `selection.hashed` has the digest of each, also where only the whole's was
   * looked up. CONTENT_INVALID where they do not make that.
   */
  async hashEach(options: SolveOptions): Promise<void> {
    if (this.#digest.peek('') === undefined) return;
    await this.digest(options);
    for (const [part, digest] of [...this.#lookedUp]) {
      if ((await this.#digestOf(part, options)) !== digest)
        throw failure('CONTENT_INVALID', 'copy', 'files', 'they changed, and their times did not', {
          hint: 'touch them, and build again',
        });
      this.#lookedUp.delete(part);
    }
  }

  async #make(options: SolveOptions, read: ReadFiles | undefined): Promise<Digest> {
    const digests: Digest[] = [];
    for (const part of this.#parts) {
      const { selection, origin } = part;
      const started = read?.started ?? Date.now();
      const known = read === undefined ? await origin.seen?.find(selection) : undefined;
      if (known !== undefined) this.#lookedUp.set(part, known);
      const digest = known ?? (await this.#digestOf(part, options, read));
      if (known === undefined) await origin.seen?.keep(selection, digest, started);
      digests.push(digest);
    }
    return digestOfValue(digests);
  }

  async #digestOf({ selection, origin }: Part, { signal }: SolveOptions, read?: ReadFiles): Promise<Digest> {
    const hash: HashFile = (entry) => {
      const digest = read?.digests.get(entry);
      if (read === undefined || digest === undefined) return (origin.hash ?? hashFile)(entry);
      origin.learn?.(entry, digest, read.started);
      return digest;
    };
    const digest = await selection.digest({ signal, hash });
    if (selection !== this.selection)
      for (const [entry, content] of selection.hashed) this.selection.hashed.set(entry, content);
    return digest;
  }
}

/** Looks at names and attributes; no file is read. */
export async function findFiles(
  op: CopyOp,
  origins: FileOrigins,
  options: SolveOptions,
): Promise<FoundFiles> {
  const parts: Part[] = [];
  for (const { origin: where, ...pattern } of op.sources) {
    const origin = await origins.open(where ?? { kind: 'context' }, options);
    const source = { ...pattern, ...(op.exclude && { exclude: op.exclude }) };
    const { tree, owners } = origin;
    parts.push({ selection: selectSources(tree, [source], { owners, signal: options.signal }), origin });
  }
  return new FoundFiles(parts);
}
