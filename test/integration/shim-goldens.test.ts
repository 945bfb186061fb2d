import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startRegistry } from '../../src/registry/server/start-registry.ts';
import { type RecordedTool, recordedFile } from '../shim-goldens/recorded.ts';
import { runSession } from '../shim-goldens/run-session.ts';
import { sessions } from '../shim-goldens/sessions.ts';
import { putShimImages } from '../shim-goldens/shim-images.ts';

/** What the real tools were seen to do: test/goldens/shims/README.md. */
describe('shims do what the tools did', { concurrency: true }, () => {
  for (const session of sessions) {
    const { peer, sessions: recorded } = JSON.parse(
      readFileSync(recordedFile(session.tool), 'utf8'),
    ) as RecordedTool;
    test(`${session.tool}: ${session.name} (${peer})`, async () => {
      const scratch = mkdtempSync(join(tmpdir(), 'polyarch-shim-'));
      const registry = await startRegistry({ root: join(scratch, 'registry') });
      try {
        await putShimImages(registry.host, scratch);
        const outcomes = await runSession(session, { host: registry.host, directory: scratch });
        const expected = Object.entries(recorded[session.name] ?? {}).map(
          ([line, one]) => [line, one.ours ?? one.peer] as const,
        );
        assert.deepEqual(outcomes, Object.fromEntries(expected));
      } finally {
        await registry.close();
        rmSync(scratch, { recursive: true, force: true });
      }
    });
  }
});
