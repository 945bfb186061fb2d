import type { KeeperClient } from '../../src/build/keeper/keeper-client.ts';
import type { RunRequest, RunResponse, Tree } from '../../src/build/keeper/protocol.ts';
import type { Platform } from '../../src/oci/platform.ts';

export interface KeeperShell {
  readonly keeper: KeeperClient;
  readonly tree: Tree;
  readonly platform: Platform;
}

export interface WhileItRuns {
  readonly signal?: AbortSignal;
  /** Hears all that was printed so far, whenever there is more. */
  readonly printed?: (output: string) => void;
}

/** A script in a tree, with all that it printed on either stream. */
export async function runInKeeper(
  { keeper, tree, platform }: KeeperShell,
  script: string,
  options: Partial<RunRequest> = {},
  { signal, printed }: WhileItRuns = {},
): Promise<RunResponse & { readonly output: string }> {
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk;
    printed?.(output);
  };
  const response = await keeper.run(
    {
      tree,
      platform,
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/usr/bin:/bin'],
      cwd: '/',
      user: '',
      network: 'host',
      hostname: 'buildkitsandbox',
      ...options,
    },
    { signal, stdout: collect, stderr: collect },
  );
  return { ...response, output };
}
