import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainScope } from './explain-scope.ts';

test('what systemd-run and the shell behind it say is told with what mends it, what others say is not', () => {
  for (const words of [
    'Failed to connect to bus: No such file or directory\n',
    'Cannot make namespaces "keeper": Failed to start transient scope unit: Access denied',
    'sh: 2: cannot create /sys/fs/cgroup/a.scope/keeper/cgroup.procs: Permission denied',
    'sh: 3: echo: I/O error on cgroup.subtree_control: No such file or directory',
  ])
    assert.match(
      (explainScope(words) as Error | undefined)?.message ?? '',
      /gives no control group: /,
      words,
    );
  assert.equal(explainScope('unshare: unshare failed: Operation not permitted'), undefined);
  assert.equal(explainScope(''), undefined);
});
