import { join, resolve } from 'node:path';
import { failure } from '../../../lib/errors.ts';
import { isProgram } from '../../../lib/find-program.ts';
import { otherCapabilities } from '../capabilities.ts';
import type { OciSpec } from '../oci-spec.ts';
import { resolveInRoot } from '../rooted-path.ts';
import { mountRoot, type RootCalls } from './mount-root.ts';
import type { ProcessCalls } from './process-calls.ts';
import { resourceNumber } from './resource-numbers.ts';

export interface EnterRootParts {
  readonly mounts: RootCalls;
  readonly process: ProcessCalls;
  /** A seccomp filter (BPF). */
  readonly filter: Buffer | undefined;
  /** Text of /proc/self/setgroups says so: user_namespaces(7). */
  readonly groupsDenied: boolean;
}

/**
 * Becomes the program of a config.json in its root: what an OCI runtime does between its namespaces and execve(2). The caller is this process's first thread, and
 * where the config has namespaces the first process of a new PID namespace; where it has none, chroot(2) alone leads to the root. Returns only when there is no such program:
 * why.
 */
export function enterRoot(config: OciSpec, parts: EnterRootParts): string {
  const { args, env, cwd } = config.process;
  const { process: calls } = parts;
  if (config.linux.namespaces.length > 0) enterNamespaces(config, parts);
  else calls.changeRoot(config.root.path);
  process.chdir('/');
  // Links are read, not followed: those of /proc lead out of the root, and this process may follow them all still.
  process.chdir(join('/', resolveInRoot('/', cwd)));
  const path = findExecutable(args[0] ?? '', env);
  if (path === undefined) return 'ENOENT';
  giveUp(config, parts);
  return calls.execute(path, args, env);
}

function enterNamespaces(config: OciSpec, { mounts, process: calls }: EnterRootParts): void {
  const namespaces = config.linux.namespaces.map(({ type }) => type).filter((type) => type !== 'pid');
  calls.unshare(namespaces);
  mounts.mount('none', '/', '', privateRecursive);
  if (namespaces.includes('network')) calls.startLoopback();
  calls.setHostName(config.hostname);
  mountRoot(config, mounts);
  process.chdir(config.root.path);
  calls.pivotRoot();
  mounts.unmount('.');
}

/** From here on this process has what the program is to have. */
function giveUp(
  { process: { user, capabilities, rlimits } }: OciSpec,
  { process: calls, filter, groupsDenied }: EnterRootParts,
): void {
  // Still with every capability: without them it would need no_new_privs.
  if (filter !== undefined) calls.filter(filter);
  for (const { type, soft, hard } of rlimits) {
    const number = resourceNumber(type);
    if (number === undefined) throw failure('SANDBOX', 'limit', type, 'there is no such resource');
    calls.setLimit(number, finite(soft), finite(hard));
  }
  calls.dropCapabilities(otherCapabilities(capabilities.bounding));
  if (!groupsDenied) process.setgroups?.([...user.additionalGids]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  process.umask(user.umask);
  calls.dieWithParent();
  calls.resetSignals();
}

/** MS_REC and MS_PRIVATE. */
const privateRecursive = 0x4000 | 0x40000;

/** As a runtime does: names without a slash in PATH of the environment, others from the working directory. */
function findExecutable(name: string, env: readonly string[]): string | undefined {
  if (name.includes('/')) return resolve(name);
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path
    .split(':')
    .map((directory) => join(resolve(directory), name))
    .find(isProgram);
}

const unlimited = 2 ** 63;

function finite(limit: number): number {
  return limit >= unlimited ? Infinity : limit;
}
