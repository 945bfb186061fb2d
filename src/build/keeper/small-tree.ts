import { lstatSync, opendirSync } from 'node:fs';

/** Work on so little is done before a worker thread has started. */
const smallTreeLimits = { entries: 300, bytes: 4 * 1024 * 1024 } as const;

/** Whether a directory holds little. Looks at a few hundred names at most; names that are not UTF-8 count as much. */
export function isSmallTree(
  root: string,
  limits: { entries: number; bytes: number } = smallTreeLimits,
): boolean {
  try {
    return holdsAtMost(root, limits);
  } catch {
    // A directory whose name is not UTF-8 is not found under its text.
    return false;
  }
}

function holdsAtMost(root: string, limits: { entries: number; bytes: number }): boolean {
  let { entries, bytes } = limits;
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    using directory = opendirSync(path);
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (--entries < 0) return false;
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory()) pending.push(child);
      else if (entry.isFile()) {
        const size = lstatSync(child, { throwIfNoEntry: false })?.size ?? bytes + 1;
        bytes -= size;
        if (bytes < 0) return false;
      }
    }
  }
  return true;
}
