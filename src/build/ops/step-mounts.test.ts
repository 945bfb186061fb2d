import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunOp } from '../graph/run-op.ts';
import { stepMounts } from './step-mounts.ts';

const options = (value: Buffer) => ({
  sources: undefined as never,
  secrets: { read: async () => value },
  agents: { socket: async () => undefined },
  signal: new AbortController().signal,
});

const op = {
  mounts: [{ kind: 'secret', id: 'token', env: 'TOKEN', required: true, uid: 0, gid: 0, mode: 0o400 }],
} as unknown as RunOp;

test('a secret is a variable as it is, or it is none', async () => {
  assert.deepEqual(await stepMounts(op, [], options(Buffer.from('päss'))), {
    mounts: [],
    env: ['TOKEN=päss'],
  });
  for (const bytes of [Buffer.from([0x61, 0, 0x62]), Buffer.from([0x70, 0xe4, 0x73, 0x73])]) {
    await assert.rejects(stepMounts(op, [], options(bytes)), { code: 'STEP_FAILED' });
  }
});
