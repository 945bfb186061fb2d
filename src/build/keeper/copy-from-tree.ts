import { LayeredView } from '../../archive/layered-view.ts';
import { TocFile } from '../../archive/toc-file.ts';
import type { Digest } from '../../lib/digest.ts';
import { parseFileMode } from '../../lib/file-mode.ts';
import { Accounts } from '../sandbox/accounts.ts';
import type { CopyPlan, Owner } from '../snapshot/copy/copy-plan.ts';
import { placeSelection } from '../snapshot/copy/place-selection.ts';
import { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { selectSources } from '../snapshot/copy/select-sources.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import { type HashFile, hashFile, Selection } from '../snapshot/copy/selection.ts';
import { inlineTree } from '../snapshot/copy/single-file-tree.ts';
import { writeCopyLayer } from '../snapshot/copy/write-copy-layer.ts';
import type { PackedFiles } from './packed-files.ts';
import type { CopiedLayer, CopyRequest, OwnerRequest, SourcesRequest } from './protocol.ts';
import type { Workspace } from './workspace.ts';

export interface CopyFromTreeOptions {
  readonly workspace: Workspace;
  readonly files: PackedFiles;
  /** Value of security.capability of a file. */
  readonly capability: (realPath: string | Buffer) => Buffer | undefined;
  /** A copy is made: which files it took. Default: nobody is told. */
  readonly onCopied?: (diffId: Digest, plan: CopyPlan) => void;
  readonly signal: AbortSignal;
}

/** The content digest of a COPY --from's sources. */
export async function checksumSources(
  request: SourcesRequest,
  options: CopyFromTreeOptions,
): Promise<Digest> {
  const { workspace, signal } = options;
  return await workspace.withView(request.from, signal, ({ root }) =>
    select(root, request, options).digest({ signal }),
  );
}

/** The layer of a COPY --from. */
export async function copyFromTree(request: CopyRequest, options: CopyFromTreeOptions): Promise<CopiedLayer> {
  const { workspace, signal } = options;
  return await workspace.withView(request.from, signal, ({ root }) =>
    copyFromDirectory(root, request, options),
  );
}

/** The same from a directory that stands for the tree. */
export async function copyFromDirectory(
  root: string,
  request: Omit<CopyRequest, 'from'>,
  options: Omit<CopyFromTreeOptions, 'workspace'>,
): Promise<CopiedLayer> {
  const { files, signal } = options;
  const target = new LayeredView(await Promise.all(request.target.map((path) => TocFile.open(path))));
  const selection = select(root, request, options);
  const plan = await placeSelection(selection, target, {
    destination: request.destination,
    owner: request.owner,
    mode: request.chmod === undefined ? undefined : parseFileMode(request.chmod),
    epoch: request.epoch,
    now: Math.floor(Date.now() / 1000),
  });
  const hashed = request.checksum ? new Map<SelectedEntry, Digest>() : undefined;
  const packed = await files.write((path) => writeCopyLayer(plan, path, { signal, hashed }));
  options.onCopied?.(packed.diffId, plan);
  if (hashed === undefined) return packed;
  const hash: HashFile = async (entry) => hashed.get(entry) ?? (await hashFile(entry));
  return { ...packed, checksum: await selection.digest({ signal, hash }) };
}

/** `--chown`'s rules, with the tree's own accounts. */
export async function lookUpOwner(
  request: OwnerRequest,
  options: { readonly workspace: Workspace; readonly signal: AbortSignal },
): Promise<Owner> {
  return await options.workspace.withView(request.tree, options.signal, async ({ root }) =>
    Accounts.of(root).owner(request.owner),
  );
}

function select(
  root: string,
  request: Omit<SourcesRequest, 'from'>,
  { capability, signal }: Pick<CopyFromTreeOptions, 'capability' | 'signal'>,
): Selection {
  const options = { owners: 'keep', signal } as const;
  const now = Math.floor(Date.now() / 1000);
  return Selection.joined([
    selectSources(new RootedTree(root, { capability }), request.sources, options),
    ...(request.inline ?? []).map(({ name, content }) =>
      selectSources(inlineTree(name, content, now), [{ pattern: name, literal: true }], options),
    ),
  ]);
}
