import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const checkout = join(import.meta.dirname, '..');
export const ownNode = join(checkout, 'node_modules/.bin/node');
export const polyarch = join(checkout, 'polyarch');
/** The published program. */
export const bundle = join(checkout, 'bin/polyarch.cjs');

function isElf(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    return readSync(file, magic, 0, 4, 0) === 4 && magic.equals(Buffer.from('\x7fELF', 'latin1'));
  } finally {
    closeSync(file);
  }
}

/** Absolute path of a peer: first `$PEERS/bin`, then PATH. With `elf` a wrapper script is passed over. */
export function findPeer(name: string, options: { elf?: boolean } = {}): string | undefined {
  const { PEERS, PATH = '' } = process.env;
  const folders = [...(PEERS ? [join(PEERS, 'bin')] : []), ...PATH.split(delimiter)];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return !options.elf || isElf(path);
      } catch {
        return false;
      }
    });
}

/** Runs to the end. Throws with the program's own words when it fails. */
export function runSync(file: string, args: readonly string[], options: SpawnSyncOptions = {}): void {
  const done = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  if (done.status !== 0) {
    const words = String(done.stderr ?? '')
      .trimEnd()
      .slice(-2000);
    throw new Error(`Cannot run "${file} ${args.join(' ')}": exit ${done.status}\n${words}`, {
      cause: done.error,
    });
  }
}

/** The same without blocking this process, which may be what the program talks to. */
export async function run(
  file: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<void> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`Cannot run "${file} ${args.join(' ')}": exit ${code}\n${words}`);
}

/** Makes the bundle of the sources as they are now: one that lies there may be of another day. */
export function buildBundle(): void {
  runSync(ownNode, [join(checkout, 'scripts/build.ts')], { cwd: checkout });
}
