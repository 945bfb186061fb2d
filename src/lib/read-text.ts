import { readFileSync } from 'node:fs';

/** A small file of the machine; undefined when it cannot be read, whatever the reason. */
export function readTextOrUndefined(path: string, encoding: 'utf8' | 'latin1' = 'utf8'): string | undefined {
  try {
    return readFileSync(path, encoding);
  } catch {
    return undefined;
  }
}
