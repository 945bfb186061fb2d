import { mkdir, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { type Digest, digestOf, isDigest } from '../../../lib/digest.ts';

/** First in the file. The digit is the version: another where a print or a selection's digest is made in another way. */
const magic = 'polyarch-seen-1';
/** Selections of one context that are remembered: those of the last builds. */
const maxSelections = 128;

/** Digests of selections by their prints, in a small file: one that is damaged, or of another version, holds nothing. */
export class SeenSelections {
  readonly #directory: string;
  readonly #file: string;
  #seen: Promise<Map<string, Digest>> | undefined;
  #isChanged = false;

  /** `directory`, where the file is, is made by `save`. */
  constructor(directory: string, file: string) {
    this.#directory = directory;
    this.#file = file;
  }

  async get(print: Digest): Promise<Digest | undefined> {
    return (await this.#read()).get(print);
  }

  /** The last that was set is the last that is forgotten. */
  async set(print: Digest, digest: Digest): Promise<void> {
    const seen = await this.#read();
    seen.delete(print);
    seen.set(print, digest);
    this.#isChanged = true;
  }

  async save(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const lines = [...(await this.#read())].slice(-maxSelections).map((pair) => `${pair.join(' ')}\n`);
    const body = lines.join('');
    await mkdir(this.#directory, { recursive: true });
    await writeFileAtomic(this.#file, `${magic} ${digestOf(body)}\n${body}`, { sync: false });
  }

  #read(): Promise<Map<string, Digest>> {
    this.#seen ??= readSeen(this.#file);
    return this.#seen;
  }
}

async function readSeen(file: string): Promise<Map<string, Digest>> {
  const seen = new Map<string, Digest>();
  const text = await readFile(file, 'latin1').catch(() => '');
  const head = text.indexOf('\n');
  const body = text.slice(head + 1);
  if (head < 0 || text.slice(0, head) !== `${magic} ${digestOf(body)}`) return seen;
  for (const line of body.split('\n')) {
    const [print = '', digest = ''] = line.split(' ');
    if (isDigest(print) && isDigest(digest)) seen.set(print, digest);
  }
  return seen;
}
