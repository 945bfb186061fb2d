import { spawnSync } from 'node:child_process';
import { failure } from '../../../lib/errors.ts';

/** SANDBOX where `proot`, the path of its program, may not trace what it starts; a step would end with an exit code like any other. */
export function refuseWithoutPtrace(proot: string): void {
  const { status, stderr } = spawnSync(proot, ['-v', '-1', '/bin/true'], { encoding: 'utf8' });
  if (status === 0) return;
  throw failure('SANDBOX', 'run', 'RUN', `ptrace(2) is refused: ${stderr.trim().split('\n')[0] ?? ''}`, {
    hint: 'as root: sysctl -w kernel.yama.ptrace_scope=1; in a container: a seccomp profile that allows ptrace',
  });
}
