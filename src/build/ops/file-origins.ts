import type { Digest } from '../../lib/digest.ts';
import { Memo } from '../../lib/memo.ts';
import type { FileOrigin } from '../graph/op.ts';
import type { ArchiveTree } from '../snapshot/copy/archive-tree.ts';
import { ContextHasher } from '../snapshot/copy/context-hasher.ts';
import { RootedTree, type RootedTreeOptions } from '../snapshot/copy/rooted-tree.ts';
import type { SelectOptions } from '../snapshot/copy/select-sources.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import type { HashFile, Selection } from '../snapshot/copy/selection.ts';
import { inlineTree, SingleFileTree } from '../snapshot/copy/single-file-tree.ts';
import type { SourceTree } from '../snapshot/copy/source-tree.ts';
import type { UnpackOptions } from '../snapshot/copy/unpack-archive.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { RepositoryFetcher } from '../sources/git-repositories.ts';
import type { FileFetcher } from '../sources/http-files.ts';

/** Files that a COPY or ADD may read, opened. */
export interface OpenedOrigin {
  readonly tree: SourceTree;
  readonly owners: SelectOptions['owners'];
  /** Digest of one of its files. Default: it is read. */
  readonly hash?: HashFile | undefined;
  /** Finds the digest of a whole selection of its files, and keeps one for later builds, whose files were not read before `started`. Default: nothing is kept. */
  readonly seen?:
    | {
        find(selection: Selection): Promise<Digest | undefined>;
        keep(selection: Selection, digest: Digest, started: number): Promise<void>;
      }
    | undefined;
  /** Takes the digest of a file that was read without `hash`. `started`: before it was read, milliseconds since 1970. */
  readonly learn?: ((entry: SelectedEntry, digest: Digest, started: number) => void) | undefined;
}

export interface FileOriginsOptions {
  /** The build context, or a named one. */
  readonly openContext: (name: string | undefined, options: SolveOptions) => Promise<OpenedOrigin>;
  readonly http: FileFetcher;
  readonly git: RepositoryFetcher;
  /** Where the digests of directories' files are remembered. */
  readonly hashDirectory: string;
  /** A directory on the disk that the data lies on: the bytes of unpacked files are there, without a name, until `close`. */
  readonly spoolDirectory: string;
}

/** Opens what COPY and ADD read besides stages, each once for all steps and platforms. */
export class FileOrigins {
  readonly #options: FileOriginsOptions;
  readonly #opened = new Memo<OpenedOrigin>();
  readonly #archives: ArchiveTree[] = [];
  readonly #hashers: ContextHasher[] = [];

  constructor(options: FileOriginsOptions) {
    this.#options = options;
  }

  open(origin: FileOrigin, options: SolveOptions): Promise<OpenedOrigin> {
    return this.#opened.of(JSON.stringify(origin), () => this.#open(origin, options), options.signal);
  }

  async #open(origin: FileOrigin, options: SolveOptions): Promise<OpenedOrigin> {
    const { openContext, http, git } = this.#options;
    switch (origin.kind) {
      case 'inline':
        return {
          tree: inlineTree(origin.name, origin.content, Math.floor(Date.now() / 1000)),
          owners: 'keep',
        };
      case 'http': {
        const { signal } = options;
        const { path, digest, size, modified } = await http.fetch(origin.url, {
          checksum: origin.checksum,
          signal,
        });
        // BuildKit's mode of what it fetches (source/http/source.go).
        const file = { name: origin.name, mode: 0o600, mtime: modified, content: { path, size } };
        return { tree: new SingleFileTree(file), owners: 'keep', hash: async () => digest };
      }
      case 'git': {
        const { directory } = await git.checkOut(origin, options);
        return await this.openDirectory(directory);
      }
      case 'context':
        return await openContext(origin.name, options);
    }
  }

  /** A directory of this machine, whose files' digests are remembered from build to build. */
  async openDirectory(directory: string, options: RootedTreeOptions = {}): Promise<OpenedOrigin> {
    const tree = new RootedTree(directory, options);
    const hasher = new ContextHasher(this.#options.hashDirectory, tree.root);
    this.#hashers.push(hasher);
    return { tree, owners: 'zero', hash: hasher.hash, learn: hasher.learn, seen: hasher };
  }

  unpacking({ signal }: SolveOptions): UnpackOptions {
    const { spoolDirectory } = this.#options;
    return { spoolDirectory, onOpen: (archive) => this.#archives.push(archive), signal };
  }

  /** Gives back what unpacked archives took of the disk, and remembers what was hashed. */
  async close(): Promise<void> {
    for (const archive of this.#archives.splice(0)) archive.close();
    // What is not remembered is read again.
    await Promise.all(this.#hashers.splice(0).map((hasher) => hasher.save().catch(() => {})));
  }
}
