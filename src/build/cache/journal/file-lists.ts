import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { type Digest, hexOf, isDigest } from '../../../lib/digest.ts';
import type { Change } from './explain-build.ts';

/** Of more files than that no list is kept. */
const maxListedFiles = 200_000;

export interface ListedFile {
  /** Byte string: a character for each byte. */
  readonly path: string;
  /** All that shows of it in a layer, without a zero byte. */
  readonly state: string;
}

export interface FileChange {
  readonly path: string;
  readonly change: Change;
}

/** What COPY steps read, file by file, by the digest of all of it: a list is written when its step runs, and never changes. */
export class FileLists {
  readonly #directory: string;

  /** `directory`: the data directory's `cache`. */
  constructor(directory: string) {
    this.#directory = join(directory, 'files');
  }

  /** Nothing where the list is there, or would be too long. */
  async write(digest: Digest, files: () => Iterable<ListedFile>): Promise<void> {
    const path = this.#path(digest);
    if ((await stat(path).catch(() => undefined)) !== undefined) return;
    const parts: string[] = [];
    for (const { state, path: name } of files()) {
      parts.push(state, name);
      if (parts.length > 2 * maxListedFiles) return;
    }
    await mkdir(this.#directory, { recursive: true });
    await writeFileAtomic(path, Buffer.from(parts.join('\0'), 'latin1'), { sync: false });
  }

  /** In the order of the later list, what was removed behind; undefined where one of the lists is not there. */
  async compare(before: string, after: string): Promise<FileChange[] | undefined> {
    const [old, now] = await Promise.all([this.#read(before), this.#read(after)]);
    if (old === undefined || now === undefined) return undefined;
    const changes: FileChange[] = [];
    for (const [path, state] of now) {
      const known = old.get(path);
      if (known === undefined) changes.push({ path, change: 'added' });
      else if (known !== state) changes.push({ path, change: 'changed' });
    }
    for (const path of old.keys()) if (!now.has(path)) changes.push({ path, change: 'removed' });
    return changes.map(({ path, change }) => ({ path: Buffer.from(path, 'latin1').toString(), change }));
  }

  async #read(digest: string): Promise<Map<string, string> | undefined> {
    if (!isDigest(digest)) return undefined;
    const text = await readFile(this.#path(digest), 'latin1').catch(() => undefined);
    if (text === undefined) return undefined;
    const parts = text === '' ? [] : text.split('\0');
    const files = new Map<string, string>();
    for (let index = 0; index + 1 < parts.length; index += 2)
      files.set(parts[index + 1] as string, parts[index] as string);
    return files;
  }

  #path(digest: Digest): string {
    return join(this.#directory, hexOf(digest));
  }
}
