import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox, SandboxOutput, SandboxSpec } from '../sandbox/sandbox.ts';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import type { CallContext } from './connection.ts';
import type { CacheDirectories } from './mounts/cache-directories.ts';
import { withMounts } from './mounts/with-mounts.ts';
import type { RunRequest, RunResponse } from './protocol.ts';
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
  readonly calls: MountCalls;
  readonly sandbox: () => Sandbox;
}

/** One program in a tree: mount, run, and keep the upper directory when it ended well. */
export async function runStep(
  request: RunRequest,
  context: CallContext,
  using: RunStepOptions,
): Promise<FinishedStep> {
  const { tree, discard = false, stop } = request;
  const output: SandboxOutput =
    request.stdio === 'inherit' ? { kind: 'inherit' } : { kind: 'chunks', onChunk: context.output };
  const { value, id } = await using.workspace.withUpper(tree, context.signal, async ({ root, scratch }) => {
    const { args, env, cwd, user, network, hostname } = request;
    const { extraHosts = [], security = 'sandbox', limits = { ulimits: [] } } = request;
    const id = `run-${++runs}`;
    const binds = join(scratch, 'mounts');
    mkdirSync(binds);
    const value = await withMounts(
      request.mounts ?? [],
      { ...using, scratch: binds, signal: context.signal },
      (mounts) => {
        const spec: SandboxSpec = {
          ...{ root, scratch, id, args, env, cwd, user, network, hostname, extraHosts, security, limits },
          mounts,
        };
        return using.sandbox().run(spec, { signal: context.signal, output, stop });
      },
    );
    return { value, keep: value.exitCode === 0 && !discard };
  });
  const snapshot = id === undefined ? {} : { snapshot: { kind: 'snapshot' as const, id } };
  return { response: { exitCode: value.exitCode, ...snapshot }, stubs: value.stubs };
}
