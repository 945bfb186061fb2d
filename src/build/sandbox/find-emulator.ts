import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from '../../lib/data-directory.ts';
import { findProgram } from '../../lib/find-program.ts';

/** Below the data directory: links to the emulators that this user's builds take, whatever the machine has. */
export const privateEmulators = join('emulators', 'private');

/** Absolute path of `qemu-aarch64-static`: the user's own (`emulator install --private`), else this machine's. */
export function findEmulator(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  try {
    // Of the file itself: the link may change while a build runs.
    return realpathSync(join(dataDirectory(env), privateEmulators, name));
  } catch {
    return findProgram(name, env);
  }
}
