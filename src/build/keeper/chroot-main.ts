import { spawnSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { failure, reasonOf } from '../../lib/errors.ts';
import type { StartFailure } from '../sandbox/chroot/chroot-sandbox.ts';
import { enterRoot } from '../sandbox/chroot/enter-root.ts';
import { loadProcessCalls } from '../sandbox/chroot/process-calls.ts';
import type { OciSpec } from '../sandbox/oci-spec.ts';
import { loadMountCalls } from '../snapshot/mount-calls.ts';

/** The first process of a program's namespaces in the `chroot` tier: becomes the program of the bundle that its first argument names, under the filter that the second one does. */

const statusDescriptor = 3;

function tell(failure: StartFailure): void {
  writeSync(statusDescriptor, JSON.stringify(failure));
}

async function enter(bundle: string, filterPath: string | undefined): Promise<void> {
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as OciSpec;
  const filter = filterPath === undefined ? undefined : readFileSync(filterPath);
  const [mounts, calls] = await Promise.all([loadMountCalls(), loadProcessCalls()]);
  calls.closeOnExec(statusDescriptor, true);
  // Node keeps its own standard streams from whatever it becomes.
  for (const fd of [0, 1, 2]) calls.closeOnExec(fd, false);
  for (const { path, args } of config.hooks?.createRuntime ?? []) runHook(path, args);
  tell({ errno: enterRoot(config, { mounts, process: calls, filter }) });
}

/** As a runtime does, with as much of the state as hooks here read. */
function runHook(path: string, [argv0, ...args]: readonly string[]): void {
  const input = JSON.stringify({ pid: process.pid });
  const { status, stderr } = spawnSync(path, args, { argv0, input, encoding: 'utf8' });
  if (status !== 0) throw failure('SANDBOX', 'prepare', 'program', `its hook failed: ${stderr.trim()}`);
}

void enter(process.argv[2] ?? '', process.argv[3])
  .catch((error) => tell({ message: reasonOf(error) }))
  .finally(() => process.exit(1));
