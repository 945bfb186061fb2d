import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EntryHeader } from '../../archive/entry.ts';
import { flattenLayers } from '../../archive/flatten-layers.ts';
import { type TarHandler, TarParser } from '../../archive/tar-parser.ts';
import { sweepLeftovers } from '../../content/layout/blob-directory.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { failure } from '../../lib/errors.ts';
import { processToken } from '../../lib/process-identity.ts';
import { formatLocation } from '../../oci/location.ts';
import { readImageLayers } from '../image-layers.ts';
import { type InspectOptions, imageOf, withRoot } from '../inspect/open-root.ts';
import type { ForeignArchitecture } from './emulator-choice.ts';
import type { EmulatorFiles } from './emulator-files.ts';
import { checkEmulatorProgram } from './emulator-program.ts';

const temporaryPrefix = 'taken.';

/** Debian's largest has 8 MB. */
const maxEmulatorBytes = 128 * 1024 * 1024;

export interface FetchedEmulators {
  /** The image, with the digest of its manifest for this machine. */
  readonly image: string;
  /** By registration's name: the program. */
  readonly programs: ReadonlyMap<string, string>;
}

/** Takes qemu's programs out of the `bin` directories of an image that is for this machine; nothing else of it is written. */
export async function fetchEmulators(
  reference: string,
  wanted: readonly ForeignArchitecture[],
  files: EmulatorFiles,
  options: InspectOptions,
): Promise<FetchedEmulators> {
  return await withRoot(reference, options, async (named) => {
    const { store, descriptor, location } = await imageOf(named, options);
    const { layers } = await readImageLayers(store, descriptor, options);
    const directory = files.make(descriptor.digest);
    await sweepLeftovers(directory, temporaryPrefix);
    const image = `${formatLocation(location).replace(/@.*$/, '')}@${descriptor.digest}`;
    const taken = new TakenPrograms(directory, new Set(wanted.map(({ name }) => name)));
    try {
      const opens = layers.map((layer) => () => store.fetch(layer.descriptor, options)).reverse();
      const parser = new TarParser(taken, { source: reference });
      for await (const piece of flattenLayers(opens, { signal: options.signal, source: reference }))
        parser.write(piece);
      parser.close();
      const programs = taken.finish();
      await writeFileAtomic(files.sourceFileOf(directory), `${image}\n`);
      return { image, programs };
    } finally {
      taken.abandon();
    }
  });
}

class TakenPrograms implements TarHandler {
  readonly #directory: string;
  readonly #names: ReadonlySet<string>;
  readonly #temporary = new Map<string, string>();
  #open: { readonly file: number } | undefined;

  constructor(directory: string, names: ReadonlySet<string>) {
    this.#directory = directory;
    this.#names = names;
  }

  entry(header: EntryHeader): void {
    const name = /^(?:usr\/(?:local\/)?)?bin\/(qemu-\w+?)(?:-static)?$/.exec(header.path)?.[1];
    if (name === undefined || !this.#names.has(name) || header.type !== 'file') return;
    if (header.size > maxEmulatorBytes) {
      throw failure('LIMIT', 'read', name, `it has more than ${maxEmulatorBytes} bytes (maxEmulatorBytes)`);
    }
    const known = this.#temporary.get(name);
    // Of two of the same name, as in `bin` and `usr/bin`, the later is taken.
    const path = known ?? join(this.#directory, `${temporaryPrefix}${processToken()}`);
    this.#temporary.set(name, path);
    this.#open = { file: openSync(path, known === undefined ? 'wx' : 'w', 0o755) };
  }

  data(bytes: Buffer): void {
    if (this.#open === undefined) return;
    for (let written = 0; written < bytes.length; )
      written += writeSync(this.#open.file, bytes, written, bytes.length - written);
  }

  end(): void {
    if (this.#open === undefined) return;
    fsyncSync(this.#open.file);
    closeSync(this.#open.file);
    this.#open = undefined;
  }

  /** Every blob was read to its end, and its digest is right. */
  finish(): Map<string, string> {
    const programs = new Map<string, string>();
    for (const [name, temporary] of this.#temporary) {
      checkEmulatorProgram(temporary);
      const path = join(this.#directory, name);
      renameSync(temporary, path);
      programs.set(name, path);
    }
    this.#temporary.clear();
    return programs;
  }

  /** Leaves nothing half-made. */
  abandon(): void {
    if (this.#open !== undefined) closeSync(this.#open.file);
    for (const path of this.#temporary.values()) rmSync(path, { force: true });
  }
}
