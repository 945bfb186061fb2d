import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where an ordinary user's PATH often does not lead. */
const systemDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Absolute path of a program of the host, or undefined. Looks in PATH, then where system programs are. */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const directories = [
    ...(env.PATH ?? '').split(':').filter((path) => path.startsWith('/')),
    ...systemDirectories,
  ];
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

/** A file that this process may execute, links followed. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
