import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { Memo } from '../../lib/memo.ts';
import type { CopyOp } from '../graph/op.ts';
import { selectSources } from '../snapshot/copy/select-sources.ts';
import { type HashFile, hashFile, type SelectedEntry, Selection } from '../snapshot/copy/selection.ts';
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

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.selection = Selection.joined(parts.map((part) => part.selection));
  }

  /** Made once. Files whose digest is neither in `read` nor remembered are read for it. */
  digest(options: SolveOptions, read?: ReadFiles): Promise<Digest> {
    return this.#digest.of('', () => this.#make(options, read), options.signal);
  }

  async #make({ signal }: SolveOptions, read: ReadFiles | undefined): Promise<Digest> {
    const digests: Digest[] = [];
    for (const { selection, origin } of this.#parts) {
      const hash: HashFile = (entry) => {
        const digest = read?.digests.get(entry);
        if (read === undefined || digest === undefined) return (origin.hash ?? hashFile)(entry);
        origin.learn?.(entry, digest, read.started);
        return digest;
      };
      digests.push(await selection.digest({ signal, hash }));
      if (selection === this.selection) continue;
      for (const [entry, digest] of selection.hashed) this.selection.hashed.set(entry, digest);
    }
    return digestOfValue(digests);
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
