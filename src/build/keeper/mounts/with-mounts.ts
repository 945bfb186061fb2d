import { join } from 'node:path';
import { failure } from '../../../lib/errors.ts';
import { lstatOrUndefined, resolveInRoot } from '../../sandbox/rooted-path.ts';
import type { SandboxMount } from '../../sandbox/sandbox.ts';
import type { RunMount } from '../protocol.ts';
import type { Workspace } from '../workspace.ts';
import { withAgentSocket } from './agent-socket.ts';
import type { CacheDirectories, HeldCache } from './cache-directories.ts';

export interface WithMountsOptions {
  readonly workspace: Workspace;
  readonly caches: CacheDirectories;
  readonly memoryFile: MemoryFile;
  /** An existing directory of this step's own. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** A file that is in memory only, for as long as `use` takes; `path` names nothing yet. */
export type MemoryFile = <T>(
  file: Extract<RunMount, { kind: 'file' }>,
  path: string,
  use: (file: string) => Promise<T>,
) => Promise<T>;

type Use<T> = (mounts: readonly SandboxMount[]) => Promise<T>;
type Numbered = { readonly mount: RunMount; readonly number: number };

/** Brings a step's mounts about, for as long as `use` takes. */
export async function withMounts<T>(
  mounts: readonly RunMount[],
  options: WithMountsOptions,
  use: Use<T>,
): Promise<T> {
  const ready: SandboxMount[] = [];
  const caches = new Map<string, HeldCache>();
  // Two steps that want the same caches take them in the same order, or each would wait for the other's.
  const sorted = mounts
    .map((mount, number): Numbered => ({ mount, number }))
    .sort((a, b) => (orderOf(a.mount) < orderOf(b.mount) ? -1 : 1));
  const next = (position: number): Promise<T> => {
    const numbered = sorted[position];
    if (numbered === undefined) return use(ready);
    return withMount(numbered, { ...options, caches: options.caches, held: caches }, async (mount) => {
      ready[numbered.number] = mount;
      return await next(position + 1);
    });
  };
  return await next(0);
}

function orderOf(mount: RunMount): string {
  return mount.kind === 'cache' ? `0${mount.key}` : '1';
}

async function withMount<T>(
  { mount, number }: Numbered,
  options: WithMountsOptions & { readonly held: Map<string, HeldCache> },
  use: (mount: SandboxMount) => Promise<T>,
): Promise<T> {
  const { workspace, caches, held, signal } = options;
  const { target } = mount;
  const bind = (source: string, readOnly: boolean): SandboxMount => ({
    kind: 'bind',
    source,
    target,
    readOnly,
  });
  const path = join(options.scratch, String(number));
  switch (mount.kind) {
    case 'tree': {
      const of = ({ root }: { root: string }): string => pathIn(root, mount.source, target);
      if (!mount.writable)
        return await workspace.withShown(mount.tree, signal, (view) => use(bind(of(view), true)));
      const { value } = await workspace.withUpper(mount.tree, signal, async (view) => ({
        value: await use(bind(of(view), false)),
        keep: false,
      }));
      return value;
    }
    case 'cache': {
      const already = held.get(mount.key);
      if (already !== undefined) return await use(bind(already.path(mount.source), mount.readOnly));
      const cache = await caches.hold(mount, signal);
      held.set(mount.key, cache);
      try {
        return await use(bind(cache.path(mount.source), mount.readOnly));
      } finally {
        cache.release();
      }
    }
    case 'tmpfs': {
      const { readOnly, maxBytes } = mount;
      return await use({ kind: 'tmpfs', target, readOnly, ...(maxBytes === undefined ? {} : { maxBytes }) });
    }
    case 'file':
      return await options.memoryFile(mount, path, (file) => use(bind(file, true)));
    case 'socket':
      return await withAgentSocket(mount, { path }, (socket) => use(bind(socket, false)));
    case 'host':
      return await use(bind(mount.path, mount.readOnly));
  }
}

/** Nobody else works in the tree: its links can be followed one by one. */
function pathIn(root: string, source: string, target: string): string {
  const path = join(root, resolveInRoot(root, source));
  if (lstatOrUndefined(path) !== undefined) return path;
  throw failure('NOT_FOUND', 'mount', target, `its source has no ${source}`);
}
