import { spawnSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { failure, reasonOf } from '../../lib/errors.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { enterRoot } from '../sandbox/chroot/enter-root.ts';
import { loadProcessCalls } from '../sandbox/chroot/process-calls.ts';
import type { ProgramOrder, StartFailure } from '../sandbox/chroot/program-process.ts';
import type { OciSpec } from '../sandbox/oci-spec.ts';
import { loadMountCalls } from '../snapshot/mount-calls.ts';

/** In the `chroot` tier the process, of a program's namespaces the first, that becomes the program that it is told of on a descriptor, or ends with that. */

const statusDescriptor = 3;
const orderDescriptor = 4;

function tell(failure: StartFailure): void {
  writeSync(statusDescriptor, JSON.stringify(failure));
}

async function enter(): Promise<void> {
  const [mounts, calls] = await Promise.all([loadMountCalls(), loadProcessCalls()]);
  // All that can be done without it was done before.
  const order = readFileSync(orderDescriptor, 'utf8');
  if (order === '') return;
  const { bundle, filter } = JSON.parse(order) as ProgramOrder;
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as OciSpec;
  for (const fd of [statusDescriptor, orderDescriptor]) calls.closeOnExec(fd, true);
  // Node keeps its own standard streams from whatever it becomes.
  for (const fd of [0, 1, 2]) calls.closeOnExec(fd, false);
  for (const { path, args } of config.hooks?.createRuntime ?? []) runHook(path, args);
  const program = filter === undefined ? undefined : readFileSync(filter);
  const groupsDenied = readTextOrUndefined('/proc/self/setgroups')?.trim() === 'deny';
  tell({ errno: enterRoot(config, { mounts, process: calls, filter: program, groupsDenied }) });
}

/** As a runtime does, with as much of the state as hooks here read. */
function runHook(path: string, [argv0, ...args]: readonly string[]): void {
  const input = JSON.stringify({ pid: process.pid });
  const { status, stderr } = spawnSync(path, args, { argv0, input, encoding: 'utf8' });
  if (status !== 0) throw failure('SANDBOX', 'prepare', 'program', `its hook failed: ${stderr.trim()}`);
}

void enter()
  .catch((error) => tell({ message: reasonOf(error) }))
  .finally(() => process.exit(1));
