import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openVolumes } from './volumes.ts';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'polyarch-volumes-')));
after(() => rmSync(directory, { recursive: true }));

test('paths of this machine, by their targets', async () => {
  assert.deepEqual(await openVolumes([`${directory}:/b/`, `${directory}:/a/../c:ro`]), {
    mounts: [
      { kind: 'host', path: directory, target: '/b', readOnly: false },
      { kind: 'host', path: directory, target: '/c', readOnly: true },
    ],
    writable: [directory],
  });
});

test('what is none is refused', async () => {
  for (const text of ['/a', `${directory}:b`, `${directory}:/`, `${directory}:/b:x`, `${directory}:/b:ro:z`])
    await assert.rejects(openVolumes([text]), { code: 'USAGE' }, text);
  await assert.rejects(openVolumes(['name:/b']), { code: 'UNSUPPORTED' });
  await assert.rejects(openVolumes([`${directory}/none:/b`]), { code: 'NOT_FOUND' });
});
