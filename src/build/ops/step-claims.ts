import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Digest, hexOf } from '../../lib/digest.ts';
import { throwIfAborted } from '../../lib/errors.ts';
import type { SolveOptions } from '../solver/vertex.ts';

/** As flock(2) with LOCK_EX and LOCK_NB. */
type TryLock = (fd: number) => boolean;

const pollMilliseconds = 50;

export interface StepClaimsOptions {
  /** Where a file for each step under way lies; made when it is missing. */
  readonly directory: string;
  /** Loaded when a step is first claimed. */
  readonly loadTryLock: () => Promise<TryLock>;
}

/**
 * Which steps this machine's builds are running, by cache key: the second build that comes to one waits for the first, and finds its layer. The kernel gives a claim
 * back when its process ends, however it does. Whoever holds one waits for no other: a step runs, is packed and recorded, and lets go.
 */
export class StepClaims {
  readonly #options: StepClaimsOptions;
  readonly #held = new Map<string, number>();
  #tryLock: Promise<TryLock | undefined> | undefined;

  constructor(options: StepClaimsOptions) {
    this.#options = options;
  }

  /** Waits until no other build has it; true then, if one had. `onWait` is called once before that. Where nothing can be locked nobody waits. */
  async claim(key: Digest, onWait: () => void, { signal }: SolveOptions): Promise<boolean> {
    this.#tryLock ??= this.#open();
    const tryLock = await this.#tryLock;
    if (tryLock === undefined) return false;
    for (let waited = false; ; waited = true) {
      throwIfAborted(signal);
      const fd = this.#lock(hexOf(key), tryLock);
      if (fd === 'nowhere') return waited;
      if (fd !== undefined) {
        this.#held.set(key, fd);
        return waited;
      }
      if (!waited) onWait();
      await sleep(pollMilliseconds, undefined, { signal }).catch(() => {});
    }
  }

  release(keys: Iterable<string>): void {
    for (const key of keys) {
      const fd = this.#held.get(key);
      if (fd === undefined) continue;
      this.#held.delete(key);
      rmSync(join(this.#options.directory, key.slice(key.indexOf(':') + 1)), { force: true });
      closeSync(fd);
    }
  }

  releaseAll(): void {
    this.release([...this.#held.keys()]);
  }

  async #open(): Promise<TryLock | undefined> {
    try {
      const { directory, loadTryLock } = this.#options;
      mkdirSync(directory, { recursive: true });
      const tryLock = await loadTryLock();
      // What killed builds left.
      for (const name of readdirSync(directory)) {
        const fd = this.#lock(name, tryLock);
        if (fd === undefined || fd === 'nowhere') continue;
        rmSync(join(directory, name), { force: true });
        closeSync(fd);
      }
      return tryLock;
    } catch {
      return undefined;
    }
  }

  /** A descriptor; undefined where somebody else has it; `nowhere` where no file can be made. */
  #lock(name: string, tryLock: TryLock): number | 'nowhere' | undefined {
    const path = join(this.#options.directory, name);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch {
      return 'nowhere';
    }
    // Whoever had it may have removed the file.
    const there = tryLock(fd) && statSync(path, { throwIfNoEntry: false });
    if (there && there.ino === fstatSync(fd).ino) return fd;
    closeSync(fd);
    return undefined;
  }
}
