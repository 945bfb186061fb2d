import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { failure } from '../../lib/errors.ts';

const sourceFile = 'image';

/** Emulators that came out of images: below the data directory, a directory for each image. */
export class EmulatorFiles {
  readonly #root: string;

  constructor(dataDirectory: string) {
    this.#root = join(dataDirectory, 'emulators');
  }

  /** For what a manifest's digest names. UNSUPPORTED where another user could change a program that is to run for all. */
  make(digest: string): string {
    const directory = join(this.#root, digest.slice(digest.indexOf(':') + 1));
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    for (const path of [directory, this.#root, dirname(this.#root)]) {
      const { uid, mode } = lstatSync(path);
      if (uid === process.getuid?.() && (mode & 0o022) === 0) continue;
      throw failure('UNSUPPORTED', 'keep emulators in', path, 'other users may change what is in it', {
        hint: 'name a directory that is yours alone with POLYARCH_HOME',
      });
    }
    return directory;
  }

  sourceFileOf(directory: string): string {
    return join(directory, sourceFile);
  }

  /** The image that a program came from, with its digest. */
  sourceOf(program: string): string | undefined {
    if (dirname(dirname(program)) !== this.#root) return undefined;
    const path = join(dirname(program), sourceFile);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  }

  /** Deletes what none of the programs named is in. */
  keepOnly(programs: readonly string[]): void {
    if (!existsSync(this.#root)) return;
    const used = new Set(programs.map((program) => dirname(program)));
    for (const name of readdirSync(this.#root)) {
      const directory = join(this.#root, basename(name));
      if (!used.has(directory)) rmSync(directory, { recursive: true, force: true });
    }
  }
}
