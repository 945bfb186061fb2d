import { execFile } from 'node:child_process';
import { lutimes, readdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { throwIfAborted } from '../../lib/errors.ts';

/** Gives everything of a checkout one time, seconds; links are not followed. */
export async function setTimes(directory: Buffer, seconds: number): Promise<void> {
  await walk(directory, async (path) => await lutimes(path, seconds, seconds));
  await lutimes(directory, seconds, seconds);
}

/** Takes out the files `.git` that submodules leave: git tracks nothing of that name, and they name a place that is gone. */
export async function removeGitFiles(directory: Buffer): Promise<void> {
  await walk(directory, async (path, name) => {
    if (name === '.git') await rm(path, { recursive: true });
  });
}

/** Brings a checkout to its disk: syncfs(2), which Node lacks, by coreutils' `sync -f`; every disk where that is not known. */
export async function syncTree(directory: string, options: { readonly signal: AbortSignal }): Promise<void> {
  try {
    const words = ['-c', 'sync -f "$1" 2>/dev/null || sync', 'sh', directory];
    await promisify(execFile)('/bin/sh', words, { signal: options.signal });
  } catch (error) {
    throwIfAborted(options.signal);
    throw error;
  }
}

/** What lies in a directory before the directory itself. */
async function walk(directory: Buffer, visit: (path: Buffer, name: string) => Promise<void>): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) await walk(path, visit);
    await visit(path, entry.name.toString('latin1'));
  }
}
