import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../lib/errors.ts';
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
  tell({ errno: enterRoot(config, { mounts, process: calls, filter }) });
}

void enter(process.argv[2] ?? '', process.argv[3])
  .catch((error) => tell({ message: reasonOf(error) }))
  .finally(() => process.exit(1));
