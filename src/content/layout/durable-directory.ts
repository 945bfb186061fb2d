import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../lib/atomic-file.ts';

const running = new Map<string, Promise<void>>();
const next = new Map<string, Promise<void>>();

/**
 * Makes what was renamed or linked into `directory` before this call durable. Calls that come while a sync runs share the one after it:
 * thirty blobs pushed side by side cost a few syncs of their directory, not thirty.
 */
export async function syncEntries(directory: string): Promise<void> {
  const current = running.get(directory);
  if (!current) return await start(directory);
  let following = next.get(directory);
  if (!following) {
    following = current
      .catch(() => {})
      .then(() => {
        next.delete(directory);
        return start(directory);
      });
    next.set(directory, following);
  }
  await following;
}

function start(directory: string): Promise<void> {
  const sync = syncDirectory(directory).finally(() => running.delete(directory));
  running.set(directory, sync);
  return sync;
}

/** mkdir -p whose new directories survive a power cut. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true }).catch((error: unknown) =>
    refusal(directory, error),
  );
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made))
    await syncEntries(dirname(made));
}

/** On a read-only disk Node's recursive mkdir says that there is no such directory: the first one that is missing tells the reason. */
async function refusal(directory: string, error: unknown): Promise<never> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  let missing = directory;
  for (let parent = dirname(missing); parent !== missing; parent = dirname(missing)) {
    if (await stat(parent).catch(() => undefined)) break;
    missing = parent;
  }
  await mkdir(missing);
  throw error;
}
