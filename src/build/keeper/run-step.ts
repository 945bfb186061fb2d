import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Platform } from '../../oci/platform.ts';
import type { Sandbox, SandboxOutput, SandboxSpec } from '../sandbox/sandbox.ts';
import type { Owners } from '../snapshot/owners.ts';
import type { CallContext } from './connection.ts';
import type { CacheDirectories } from './mounts/cache-directories.ts';
import { type MemoryFile, withMounts } from './mounts/with-mounts.ts';
import type { RunMount, RunRequest, RunResponse } from './protocol.ts';
import type { Workspace } from './workspace.ts';

let runs = 0;

export interface FinishedStep {
  readonly response: RunResponse;
  /** SandboxResult.stubs. */
  readonly stubs: readonly string[];
}

export interface RunStepOptions {
  readonly workspace: Workspace;
  readonly caches: CacheDirectories;
  readonly memoryFile: MemoryFile;
  readonly owners: Owners;
  readonly onResize: (listener: () => void) => () => void;
  readonly sandbox: (platform: Platform) => Sandbox;
}

/** One program in a tree: mount, run, and keep the upper directory when it ended well. */
export async function runStep(
  request: RunRequest,
  context: CallContext,
  using: RunStepOptions,
): Promise<FinishedStep> {
  const { tree, discard = false, stop } = request;
  const output = outputOf(request, context, using.onResize);
  const sandbox = using.sandbox(request.platform);
  if (output.kind === 'chunks') sandbox.prepare?.();
  const { value, id } = await using.workspace.withUpper(tree, context.signal, async ({ root, scratch }) => {
    const { args, env, cwd, user, network, hostname } = request;
    const { extraHosts = [], security = 'sandbox', limits = { ulimits: [] } } = request;
    const id = `run-${++runs}`;
    const binds = join(scratch, 'mounts');
    mkdirSync(binds);
    const value = await withMounts(
      (request.mounts ?? []).map((mount) => (using.owners === 'lost' ? ownedByUs(mount) : mount)),
      { ...using, scratch: binds, signal: context.signal },
      (mounts) => {
        const spec: SandboxSpec = {
          ...{ root, scratch, id, args, env, cwd, user, network, hostname, extraHosts, security, limits },
          mounts,
        };
        return sandbox.run(spec, { signal: context.signal, output, stop });
      },
    );
    return { value, keep: value.exitCode === 0 && !discard };
  });
  const snapshot = id === undefined ? {} : { snapshot: { kind: 'snapshot' as const, id } };
  return {
    response: {
      exitCode: value.exitCode,
      ...(value.memoryKills ? { memoryKills: value.memoryKills } : {}),
      ...snapshot,
    },
    stubs: value.stubs,
  };
}

function outputOf(
  { stdio = 'frames', stdin = 'empty' }: RunRequest,
  { output }: CallContext,
  onResize: RunStepOptions['onResize'],
): SandboxOutput {
  if (stdio === 'frames') return { kind: 'chunks', onChunk: output };
  return stdio === 'inherit' ? { kind: 'inherit', stdin } : { kind: 'terminal', stdin, onResize };
}

/** Who may give nothing away keeps it: to the program it looks like its own. */
function ownedByUs(mount: RunMount): RunMount {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (mount.kind === 'file' || mount.kind === 'socket') return { ...mount, ...own };
  if (mount.kind !== 'cache' || 'tree' in mount.start) return mount;
  return { ...mount, start: { ...mount.start, ...own } };
}
