import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { CopyOp, FileOrigin } from '../graph/op.ts';
import type { ArchiveTree } from '../snapshot/copy/archive-tree.ts';
import { InlineTree } from '../snapshot/copy/inline-tree.ts';
import { type SelectOptions, selectSources } from '../snapshot/copy/select-sources.ts';
import { type HashFile, Selection } from '../snapshot/copy/selection.ts';
import type { SourceTree } from '../snapshot/copy/source-tree.ts';
import type { UnpackOptions } from '../snapshot/copy/unpack-archive.ts';
import type { SolveOptions } from '../solver/vertex.ts';

/** Files that a COPY or ADD may read, opened. */
export interface OpenedOrigin {
  readonly tree: SourceTree;
  readonly owners: SelectOptions['owners'];
  /** Digest of one of its files. Default: it is read. */
  readonly hash?: HashFile | undefined;
}

export interface FileOriginsOptions {
  /** The build context, or a named one. */
  readonly openContext: (name: string | undefined, options: SolveOptions) => Promise<OpenedOrigin>;
  /** A directory on the disk that the data lies on: the bytes of unpacked files are there, without a name, until `close`. */
  readonly spoolDirectory: string;
}

/** Opens what COPY and ADD read besides stages, each once for all steps and platforms. */
export class FileOrigins {
  readonly #options: FileOriginsOptions;
  readonly #contexts = new Memo<OpenedOrigin>();
  readonly #archives: ArchiveTree[] = [];

  constructor(options: FileOriginsOptions) {
    this.#options = options;
  }

  async open(origin: FileOrigin, options: SolveOptions): Promise<OpenedOrigin> {
    switch (origin.kind) {
      case 'inline': {
        const now = Math.floor(Date.now() / 1000);
        return { tree: new InlineTree(origin.name, origin.content, now), owners: 'keep' };
      }
      case 'context':
        return await this.#contexts.of(origin.name ?? '', () =>
          this.#options.openContext(origin.name, options),
        );
      default:
        throw failure('STORE', 'open', 'source', 'it is of an unknown kind');
    }
  }

  unpacking({ signal }: SolveOptions): UnpackOptions {
    const { spoolDirectory } = this.#options;
    return { spoolDirectory, onOpen: (archive) => this.#archives.push(archive), signal };
  }

  /** Gives back what unpacked archives took of the disk. */
  close(): void {
    for (const archive of this.#archives.splice(0)) archive.close();
  }
}

/** The files that a COPY or ADD reads, and a digest of all that shows in its layer but times. */
export interface FoundFiles {
  readonly selection: Selection;
  readonly digest: Digest;
}

export async function findFiles(
  op: CopyOp,
  origins: FileOrigins,
  options: SolveOptions,
): Promise<FoundFiles> {
  const selections: Selection[] = [];
  const digests: Digest[] = [];
  for (const { origin, ...pattern } of op.sources) {
    const { tree, owners, hash } = await origins.open(origin ?? { kind: 'context' }, options);
    const source = { ...pattern, ...(op.exclude && { exclude: op.exclude }) };
    const selection = selectSources(tree, [source], { owners, signal: options.signal });
    digests.push(await selection.digest({ ...options, hash }));
    selections.push(selection);
  }
  return { selection: Selection.joined(selections), digest: digestOfValue(digests) };
}
