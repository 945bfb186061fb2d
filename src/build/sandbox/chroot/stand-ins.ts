import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { failure, reasonOf } from '../../../lib/errors.ts';
import { deviceLinks, devices } from '../container-devices.ts';
import { isDirectoryInside, lstatOrUndefined, resolveInRoot } from '../rooted-path.ts';
import type { SetTimes, Stubs } from '../stubs.ts';

export interface StandInCalls {
  readonly setTimes: SetTimes;
  /** mknod(2) of a character device. */
  readonly makeDevice: (path: string, major: number, minor: number) => void;
}

/** Major and minor numbers (Linux, admin-guide/devices.rst). */
const numbers: Readonly<Record<(typeof devices)[number], readonly [major: number, minor: number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
};

const second = 1_000_000_000n;

interface StandIn {
  readonly path: string;
  /** Where what was there waits; undefined when nothing was. */
  readonly original: string | undefined;
}

/** Modification times of a directory in nanoseconds: before anything was made in it, and after that. */
interface Times {
  readonly before: bigint;
  readonly after: bigint;
}

/**
 * Files in a root itself, where nothing can be mounted over it. All of them are taken away again, what they replaced is put back, and so are their parents'
 * times: no layer shows them. Programs of the root have ended when they go.
 */
export class StandIns {
  readonly #root: string;
  readonly #aside: string;
  readonly #calls: StandInCalls;
  readonly #stubs: Stubs;
  readonly #made: StandIn[] = [];
  readonly #parents = new Map<string, Times>();

  /** `aside`: an empty directory of the same file system. `stubs` make the directories that the root lacks, and go after these. */
  constructor(root: string, { aside, stubs, calls }: { aside: string; stubs: Stubs; calls: StandInCalls }) {
    this.#root = root;
    this.#aside = aside;
    this.#stubs = stubs;
    this.#calls = calls;
  }

  /** In place of what is there. */
  file(path: string, content: string): void {
    const resolved = `/${resolveInRoot(this.#root, path)}`;
    const target = this.#path(dirname(resolved), basename(resolved));
    const before = mtimeOf(dirname(target));
    const original = lstatOrUndefined(target) && join(this.#aside, `${this.#made.length}`);
    if (original !== undefined) renameSync(target, original);
    writeFileSync(target, content, { flag: 'wx' });
    chmodSync(target, 0o644);
    this.#keep(target, original, before);
  }

  /** The usual devices and links that /dev lacks, and an empty /dev/shm. SANDBOX where none can be made, or opened. */
  devices(): void {
    for (const name of devices) this.#device(`/dev/${name}`, numbers[name]);
    for (const [name, target] of Object.entries(deviceLinks))
      this.#missing(`/dev/${name}`, (path) => symlinkSync(target, path));
    this.#missing('/dev/shm', (path) => {
      mkdirSync(path);
      chmodSync(path, 0o1777);
    });
  }

  /** What programs put into them goes with them. */
  remove(): void {
    // A program may have put links in the way, which lead out of the root from here.
    const parents = [...this.#parents].filter(([path]) => isDirectoryInside(this.#root, path));
    const times = new Map(
      parents.map(([path, { before, after }]) => {
        const now = mtimeOf(path);
        return [path, now === after ? before : now];
      }),
    );
    for (const { path, original } of this.#made.toReversed()) {
      if (!times.has(dirname(path))) continue;
      rmSync(path, { recursive: true, force: true });
      if (original !== undefined) renameSync(original, path);
    }
    for (const [path, time] of times)
      this.#calls.setTimes(path, Number(time / second), Number(time % second));
  }

  #device(path: string, [major, minor]: readonly [number, number]): void {
    this.#missing(path, (target) => {
      try {
        this.#calls.makeDevice(target, major, minor);
      } catch (error) {
        throw failure('SANDBOX', 'make', path, reasonOf(error), {
          hint: 'without mounts steps need CAP_MKNOD: docker run --cap-add MKNOD; --sandbox proot needs none',
        });
      }
      chmodSync(target, 0o666);
      if (minor === 3) refuseClosed(target, path);
    });
  }

  #missing(path: string, make: (path: string) => void): void {
    const target = this.#path(dirname(path), basename(path));
    if (lstatOrUndefined(target) !== undefined) return;
    const before = mtimeOf(dirname(target));
    try {
      make(target);
    } finally {
      if (lstatOrUndefined(target) !== undefined) this.#keep(target, undefined, before);
    }
  }

  /** In the root, links on the way followed, a directory to put it into made; not a link of its own name. */
  #path(parent: string, name: string): string {
    return join(this.#root, this.#stubs.ensure(parent, 'directory'), name);
  }

  #keep(path: string, original: string | undefined, before: bigint): void {
    this.#made.push({ path, original });
    const parent = dirname(path);
    this.#parents.set(parent, {
      before: this.#parents.get(parent)?.before ?? before,
      after: mtimeOf(parent),
    });
  }
}

function mtimeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).mtimeNs;
}

/** A file system may be mounted without devices. */
function refuseClosed(target: string, path: string): void {
  try {
    closeSync(openSync(target, 'r'));
  } catch (error) {
    unlinkSync(target);
    throw failure(
      'SANDBOX',
      'open',
      path,
      `${reasonOf(error)}: the data directory’s file system opens no devices`,
      {
        hint: 'put POLYARCH_HOME where devices open (no mount option nodev), or --sandbox proot',
      },
    );
  }
}
