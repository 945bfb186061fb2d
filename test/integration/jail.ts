import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const nobody = 65534;

/** In the jail: its scratch directory. */
export const jailDirectory = process.env.POLYARCH_TEST_JAIL;

export type JailResult =
  | { readonly skipped: string }
  | { readonly status: number | null; readonly output: string };

/**
 * Runs a test file where there is nothing to lose: as an ordinary user (whoever starts it), in a user and mount namespace of its own, with
 * a scratch directory that is deleted afterwards.
 */
export function runInJail(file: string): JailResult {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-jail-'));
  try {
    const asRoot = process.getuid?.() === 0;
    if (asRoot) chownSync(scratch, nobody, nobody);
    const jail = [
      ...(asRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : []),
      ...['unshare', '--user', '--map-root-user', '--mount'],
    ];
    const start = (command: string[]) =>
      spawnSync(jail[0] as string, [...jail.slice(1), ...command], {
        cwd: scratch,
        encoding: 'utf8',
        timeout: 900_000,
        // Without the runner's own variable, which would make the inner one report elsewhere.
        env: { PATH: process.env.PATH, POLYARCH_TEST_JAIL: scratch },
      });
    const probe = start(['true']);
    if (probe.status !== 0) return { skipped: probe.error?.message ?? probe.stderr.trim() };
    const run = start([process.execPath, '--test', '--test-isolation=none', file]);
    return { status: run.status, output: `${run.stdout}\n${run.stderr}` };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
