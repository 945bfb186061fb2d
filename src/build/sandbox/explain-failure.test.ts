import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodeOfFailedStart, explainRuntimeFailure, hintFromOutput } from './explain-failure.ts';

const said = {
  missing: 'executable file `nosuch` not found in $PATH: No such file or directory',
  missingInRunc:
    'runc run failed: unable to start container process: exec: "nosuch": executable file not found in $PATH',
  directory: 'open executable: Operation not permitted',
  notExecutable: 'runc run failed: unable to start container process: exec: "/etc/passwd": permission denied',
  foreign: 'exec container process `/bin/sh`: Exec format error',
  foreignInRunc: 'exec /bin/sh: exec format error',
  hybrid: 'cgroups in hybrid mode not supported, drop all controllers from cgroupv2',
};

test('a program that is missing or may not be executed has a shell’s exit code', () => {
  assert.equal(exitCodeOfFailedStart(said.missing), 127);
  assert.equal(exitCodeOfFailedStart(said.missingInRunc), 127);
  assert.equal(exitCodeOfFailedStart(said.directory), 126);
  assert.equal(exitCodeOfFailedStart(said.notExecutable), 126);
  for (const message of [said.foreign, said.foreignInRunc, said.hybrid])
    assert.equal(exitCodeOfFailedStart(message), undefined, message);
});

test('what this machine lacks is said with what to do about it', () => {
  const spec = { args: ['/bin/sh', '-c', 'secret'], scratch: import.meta.dirname };
  assert.match(explainRuntimeFailure(said.foreign, spec).hint ?? '', /platform/);
  assert.match(explainRuntimeFailure(said.hybrid, spec).hint ?? '', /runc/);
  const unknown = explainRuntimeFailure('runc: something else', spec);
  assert.deepEqual([unknown.code, unknown.message], ['SANDBOX', 'Cannot start "/bin/sh": something else']);
});

test('a program that failed has a hint where its output says why', () => {
  assert.match(
    hintFromOutput('mknod: x: Operation not permitted', { emulated: false }) ?? '',
    /device nodes/,
  );
  const crash = 'qemu: uncaught target signal 11 (Segmentation fault) - core dumped';
  assert.match(hintFromOutput(crash, { emulated: true }) ?? '', /emulator/);
  assert.equal(hintFromOutput('make: *** [all] Error 1', { emulated: true }), undefined);
});
