import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { privateEmulators } from '../../build/sandbox/find-emulator.ts';
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
    const root = existsSync(this.#root) ? realpathSync(this.#root) : this.#root;
    if (![this.#root, root].includes(dirname(dirname(program)))) return undefined;
    const path = join(dirname(program), sourceFile);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  }

  /** From now on builds take this program. */
  linkPrivately(name: string, program: string): 'installed' | 'replaced' | 'unchanged' {
    const old = this.#privateProgram(name);
    if (old === program) return 'unchanged';
    mkdirSync(this.#private, { recursive: true, mode: 0o755 });
    const link = join(this.#private, `${name}-static`);
    const temporary = `${link}.${process.pid}.tmp`;
    rmSync(temporary, { force: true });
    symlinkSync(relative(this.#private, program), temporary);
    renameSync(temporary, link);
    return old === undefined ? 'installed' : 'replaced';
  }

  /** The program that it was; undefined when there was none. */
  unlinkPrivately(name: string): string | undefined {
    const program = this.#privateProgram(name);
    rmSync(join(this.#private, `${name}-static`), { force: true });
    return program;
  }

  get #private(): string {
    return join(this.#root, basename(privateEmulators));
  }

  #privateProgram(name: string): string | undefined {
    try {
      return join(this.#private, readlinkSync(join(this.#private, `${name}-static`)));
    } catch {
      return undefined;
    }
  }

  #privatePrograms(): string[] {
    const names = existsSync(this.#private) ? readdirSync(this.#private) : [];
    return names.flatMap((name) => this.#privateProgram(name.replace(/-static$/, '')) ?? []);
  }

  /** Deletes what none of the programs named, and of those that builds take, is in. */
  keepOnly(programs: readonly string[]): void {
    if (!existsSync(this.#root)) return;
    const used = new Set([...programs, ...this.#privatePrograms()].map((program) => dirname(program)));
    used.add(this.#private);
    for (const name of readdirSync(this.#root)) {
      const directory = join(this.#root, basename(name));
      if (!used.has(directory)) rmSync(directory, { recursive: true, force: true });
    }
  }
}
