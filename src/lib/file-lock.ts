import { link, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, reasonOf, throwIfAborted } from './errors.ts';
import { livenessOf, processToken } from './process-identity.ts';
import { readRegularWithin } from './read-file-within.ts';

/** A lock whose holder cannot be judged (another container or machine) counts as left behind when it gave no sign of life for so long. */
const foreignLockMillis = 30_000;
const signMillis = 5_000;
const defaultWaitMillis = 60_000;
const pollMillis = 10;
const maxHolderBytes = 4096;

export interface FileLockOptions {
  signal?: AbortSignal | undefined;
  /** How long to wait for another holder before giving up with STORE. Default 60 s. */
  waitMillis?: number | undefined;
}

/**
 * Runs `work` while this process alone holds the lock file at `path`, also against other processes. The file names its holder, so that
 * one that was killed is recognised and its lock taken over. On a local file system.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: FileLockOptions = {},
): Promise<T> {
  // Tasks of this process queue here: first come first served, and only one of them polls the file.
  const before = queues.get(path) ?? Promise.resolve();
  const turn = Promise.withResolvers<void>();
  const tail = before.then(() => turn.promise);
  queues.set(path, tail);
  await before;
  try {
    throwIfAborted(options.signal);
    const release = await acquire(
      path,
      Date.now() + (options.waitMillis ?? defaultWaitMillis),
      options.signal,
    );
    const sign = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), signMillis);
    sign.unref();
    try {
      return await work();
    } finally {
      clearInterval(sign);
      await release();
    }
  } finally {
    turn.resolve();
    if (queues.get(path) === tail) queues.delete(path);
  }
}

const queues = new Map<string, Promise<void>>();

type Release = () => Promise<void>;

/**
 * The lock is a hard link to a file that already says who holds it: it appears whole or not at all. Taking over a dead holder's lock needs
 * the lock `<path>.<its random part>`, whose holder alone may remove exactly that lock; without it two waiters that both saw the dead
 * holder could remove each other's fresh locks.
 */
async function acquire(path: string, deadline: number, signal: AbortSignal | undefined): Promise<Release> {
  const token = processToken();
  const own = `${path}.${token}`;
  try {
    await writeFile(own, token, { flag: 'wx' });
    for (;;) {
      throwIfAborted(signal);
      try {
        await link(own, path);
        // Whoever took it for left behind has it now.
        return async () => {
          if ((await readHolder(path)) === token) await rm(path, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder === undefined) continue;
      if (await isLeftBehind(path, holder)) {
        await takeAway(path, holder, deadline, signal);
        continue;
      }
      if (Date.now() > deadline) {
        throw failure('STORE', 'lock', path, `another process holds it (${holder.split('.')[0]})`, {
          hint: `end that process, or delete ${path} when no other uses it`,
          retryable: true,
        });
      }
      await sleep(pollMillis * (0.5 + Math.random()), undefined, signal ? { signal } : {}).catch(() => {});
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) throw error;
    throw failure('STORE', 'lock', path, reasonOf(error), { cause: error });
  } finally {
    await rm(own, { force: true });
  }
}

async function takeAway(
  path: string,
  holder: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const random = /[0-9a-f]{12}$/.exec(holder)?.[0] ?? 'unreadable';
  const release = await acquire(`${path}.${random}`, deadline, signal);
  try {
    if ((await readHolder(path)) === holder) await rm(path, { force: true });
  } finally {
    await release();
  }
}

async function readHolder(path: string): Promise<string | undefined> {
  try {
    return (await readRegularWithin(path, maxHolderBytes)).toString('latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A file that names nobody was torn by a power cut: whoever writes one links it only when it is whole. */
async function isLeftBehind(path: string, holder: string): Promise<boolean> {
  const liveness = livenessOf(holder) ?? 'dead';
  if (liveness !== 'unknown') return liveness === 'dead';
  const since = await stat(path).then(
    (status) => status.mtimeMs,
    () => Date.now(),
  );
  return Date.now() - since > foreignLockMillis;
}
