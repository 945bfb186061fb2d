import { lutimes, readdir, rm } from 'node:fs/promises';

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

/** What lies in a directory before the directory itself. */
async function walk(directory: Buffer, visit: (path: Buffer, name: string) => Promise<void>): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) await walk(path, visit);
    await visit(path, entry.name.toString('latin1'));
  }
}
