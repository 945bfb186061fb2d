import type { Sandbox, SandboxOutput } from '../sandbox/sandbox.ts';
import type { CallContext } from './connection.ts';
import type { RunRequest, RunResponse } from './protocol.ts';
import type { Workspace } from './workspace.ts';

let runs = 0;

export interface FinishedStep {
  readonly response: RunResponse;
  /** SandboxResult.stubs. */
  readonly stubs: readonly string[];
}

/** One program in a tree: mount, run, and keep the upper directory when it ended well. */
export async function runStep(
  request: RunRequest,
  context: CallContext,
  using: { readonly workspace: Workspace; readonly sandbox: () => Sandbox },
): Promise<FinishedStep> {
  const { tree, discard = false, stop } = request;
  const output: SandboxOutput =
    request.stdio === 'inherit' ? { kind: 'inherit' } : { kind: 'chunks', onChunk: context.output };
  const { value, id } = await using.workspace.withUpper(tree, context.signal, async ({ root, scratch }) => {
    const { args, env, cwd, user, network, hostname } = request;
    const spec = { root, scratch, id: `run-${++runs}`, args, env, cwd, user, network, hostname };
    const result = await using.sandbox().run(spec, { signal: context.signal, output, stop });
    return { value: result, keep: result.exitCode === 0 && !discard };
  });
  const snapshot = id === undefined ? {} : { snapshot: { kind: 'snapshot' as const, id } };
  return { response: { exitCode: value.exitCode, ...snapshot }, stubs: value.stubs };
}
