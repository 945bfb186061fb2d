import { failure } from '../../lib/errors.ts';
import { type RunGitOptions, runGit } from './run-git.ts';

export interface GitLimits {
  /** Files, links and submodules of one commit. */
  readonly maxGitFiles: number;
  /** Bytes of one commit's files together. */
  readonly maxGitBytes: number;
}

/** Of one line of a listing: a name may have 4096 bytes on a disk (PATH_MAX), in a tree as many as it likes. */
const maxGitEntryBytes = 64 * 1024;

export const gitLimits: GitLimits = { maxGitFiles: 1_000_000, maxGitBytes: 64 * 1024 ** 3 };

/**
 * LIMIT for a commit that would check out to more. A few kilobytes of trees that hold each other several times are enough for billions of files; listing
 * them takes no disk, and ends where the limit is passed. What submodules hold is not counted.
 */
export async function assertCommitLimits(
  commit: string,
  git: RunGitOptions,
  limits: GitLimits,
): Promise<void> {
  let [files, bytes, rest] = [0, 0, ''];
  let passed: string | undefined;
  const stop = new AbortController();
  const count = (chunk: Buffer) => {
    if (passed !== undefined) return;
    const entries = (rest + chunk.toString('latin1')).split('\0');
    rest = entries.pop() ?? '';
    for (const entry of entries) {
      files++;
      bytes += Number(/^\d+ blob \S+ +(\d+)\t/.exec(entry)?.[1] ?? 0);
    }
    if (files > limits.maxGitFiles) passed = `more than ${limits.maxGitFiles} files (maxGitFiles)`;
    else if (bytes > limits.maxGitBytes) passed = `more than ${limits.maxGitBytes} bytes (maxGitBytes)`;
    else if (rest.length > maxGitEntryBytes)
      passed = `a name of more than ${maxGitEntryBytes} bytes (maxGitEntryBytes)`;
    if (passed !== undefined) stop.abort();
  };
  const signal = AbortSignal.any([git.signal, stop.signal]);
  try {
    await runGit(['ls-tree', '-r', '-z', '-l', commit], { ...git, signal, onOutput: count });
  } catch (error) {
    if (passed === undefined) throw error;
  }
  if (passed !== undefined) throw failure('LIMIT', 'fetch', git.shown, `its commit has ${passed}`);
}
