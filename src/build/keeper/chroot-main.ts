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

const config = JSON.parse(readFileSync(join(process.argv[2] ?? '', 'config.json'), 'utf8')) as OciSpec;
const filterPath = process.argv[3];
const filter = filterPath === undefined ? undefined : readFileSync(filterPath);
const [mounts, calls] = await Promise.all([loadMountCalls(), loadProcessCalls()]);
calls.closeOnExec(statusDescriptor, true);
// Node keeps its own standard streams from whatever it becomes.
for (const fd of [0, 1, 2]) calls.closeOnExec(fd, false);
try {
  tell({ errno: enterRoot(config, { mounts, process: calls, filter }) });
} catch (error) {
  tell({ message: reasonOf(error) });
}
process.exit(1);
