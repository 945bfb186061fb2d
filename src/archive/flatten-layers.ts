import type { Readable } from 'node:stream';
import { failure } from '../lib/errors.ts';
import { type BytePath, baseNameOf, displayPath, joinBytePath, parentOf } from './byte-path.ts';
import { decompress } from './decompress.ts';
import { type EntryHeader, heldBytes, opaqueWhiteout, whiteoutPrefix } from './entry.ts';
import { normalParts } from './layer-tree.ts';
import { encodeHeader, paddingOf } from './tar-header.ts';
import { TarParser } from './tar-parser.ts';

/** Names and attributes that are remembered of all layers together, in bytes; LIMIT beyond. */
const maxNameBytes = 512 * 1024 * 1024;

/**
 * The files that layers make together, as one tar, in pieces. Layers are read once each, the topmost first, and stream through: a name that an
 * upper layer has, or has removed, hides it in lower ones. What remains in memory is names. A hard link whose target is written already comes where it is;
 * others come last, when all that they can name is there; one whose target an upper layer replaced gets the content itself.
 */
export async function* flattenLayers(
  /** The topmost layer first; each is opened when it is its turn. */
  layers: readonly (() => Promise<Readable>)[],
  options: { signal?: AbortSignal | undefined; source?: string | undefined } = {},
): AsyncGenerator<Buffer, void, undefined> {
  const flattening = new Flattening(options.source ?? 'layer');
  for (const open of layers) {
    flattening.nextLayer();
    yield* pass(flattening, open, options);
    // Links to what was passed over already, for an upper layer hides it: the layer is read once more for them.
    if (flattening.lookBack()) yield* pass(flattening, open, options);
  }
  flattening.finish();
  yield* flattening.take();
  yield Buffer.alloc(1024);
}

async function* pass(
  flattening: Flattening,
  open: () => Promise<Readable>,
  options: { signal?: AbortSignal | undefined; source?: string | undefined },
): AsyncGenerator<Buffer, void, undefined> {
  const parser = new TarParser(flattening, options);
  for await (const chunk of decompress(await open(), options)) {
    parser.write(chunk);
    yield* flattening.take();
  }
  parser.close();
  yield* flattening.take();
}

class Flattening {
  readonly #source: string;
  /** Name → whether it hides all below it in lower layers. */
  readonly #upper = new Map<BytePath, boolean>();
  #own = new Map<BytePath, boolean>();
  /** Links whose target no layer so far has, by target. */
  readonly #waiting = new Map<BytePath, EntryHeader[]>();
  /** Files of this layer that an upper one hides, and under which name their content was written all the same. */
  #hiddenFiles = new Map<BytePath, BytePath | undefined>();
  /** Links of this layer to hidden files that were passed over, by target. */
  #missed = new Map<BytePath, EntryHeader[]>();
  #lookingBack = false;
  /** Links whose target is in the output, or will be, at the end of it. */
  readonly #links: EntryHeader[] = [];
  /** Names that will only be there at the end. */
  readonly #late = new Set<BytePath>();
  #output: Buffer[] = [];
  #writes = false;
  #padding = 0;
  #nameBytes = 0;

  constructor(source: string) {
    this.#source = source;
  }

  nextLayer(): void {
    for (const [path, hides] of this.#own) this.#upper.set(path, hides || this.#upper.get(path) === true);
    this.#own = new Map();
    this.#hiddenFiles = new Map();
    this.#missed = new Map();
    this.#lookingBack = false;
  }

  /** Whether the layer has to be read again. */
  lookBack(): boolean {
    this.#lookingBack = this.#missed.size > 0;
    return this.#lookingBack;
  }

  take(): Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  entry(header: EntryHeader): void {
    this.#writes = false;
    this.#count(header);
    const parts = normalParts(header.path);
    if (parts === undefined) throw this.#bad(header.path, 'its name has ".." in it');
    const path = parts.join('/');
    if (this.#lookingBack) {
      const missed = this.#missed.get(path);
      this.#missed.delete(path);
      if (missed) this.#writeFor(missed, header);
      return;
    }
    const name = baseNameOf(path);
    const parent = parentOf(path);
    if (name === opaqueWhiteout) this.#own.set(parent, true);
    else if (name.startsWith(whiteoutPrefix)) {
      const hidden = joinBytePath(parent, name.slice(whiteoutPrefix.length));
      if (!this.#own.has(hidden)) this.#own.set(hidden, true);
    } else this.#named({ ...header, path });
  }

  data(bytes: Buffer): void {
    if (this.#writes) this.#output.push(bytes);
  }

  end(): void {
    if (this.#writes && this.#padding > 0) this.#output.push(Buffer.alloc(this.#padding));
    this.#writes = false;
  }

  finish(): void {
    const [first] = this.#waiting.values();
    if (first?.[0]) throw this.#bad(first[0].path, 'no layer has what it is a link to');
    for (const link of this.#links) this.#output.push(encodeHeader(link));
  }

  #named(header: EntryHeader): void {
    const { path, type } = header;
    const hidden = this.#isHidden(path);
    const waiting = type === 'hardlink' ? undefined : this.#waiting.get(path);
    if (waiting) this.#waiting.delete(path);
    if (!hidden) {
      this.#own.set(path, type !== 'directory');
      if (type === 'hardlink') this.#link(header);
      else this.#write(header);
      this.#atEnd(...(waiting ?? []));
      return;
    }
    if (type !== 'directory') this.#hiddenFiles.set(path, waiting?.[0]?.path);
    if (waiting) this.#writeFor(waiting, header);
  }

  /** Hidden, but links of upper layers or of its own still have its content: the first becomes a file. */
  #writeFor([first, ...others]: readonly EntryHeader[], header: EntryHeader): void {
    if (first === undefined) return;
    this.#write({ ...header, path: first.path });
    this.#atEnd(...others.map((link) => ({ ...link, linkname: first.path })));
  }

  #link(header: EntryHeader): void {
    const target = normalParts(header.linkname ?? '')?.join('/');
    if (target === undefined || target === '')
      throw this.#bad(header.path, 'its target is not inside the layer');
    const link = { ...header, linkname: target };
    const writtenAs = this.#hiddenFiles.get(target);
    if (this.#own.has(target) && !this.#isHidden(target)) {
      if (this.#late.has(target)) this.#atEnd(link);
      else this.#write(link);
    } else if (writtenAs !== undefined) this.#atEnd({ ...link, linkname: writtenAs });
    else if (this.#hiddenFiles.has(target))
      this.#missed.set(target, [...(this.#missed.get(target) ?? []), link]);
    else this.#waiting.set(target, [...(this.#waiting.get(target) ?? []), link]);
  }

  #atEnd(...links: readonly EntryHeader[]): void {
    for (const link of links) {
      this.#links.push(link);
      this.#late.add(link.path);
    }
  }

  #isHidden(path: BytePath): boolean {
    if (this.#upper.has(path)) return true;
    for (let above = parentOf(path); path !== ''; above = parentOf(above)) {
      if (this.#upper.get(above) === true) return true;
      if (above === '') break;
    }
    return false;
  }

  #write(header: EntryHeader): void {
    if (header.path === '') return;
    this.#output.push(encodeHeader(header));
    this.#writes = header.type === 'file';
    this.#padding = paddingOf(header.size);
  }

  #count(header: EntryHeader): void {
    this.#nameBytes += heldBytes(header);
    if (this.#nameBytes > maxNameBytes) {
      throw failure(
        'LIMIT',
        'flatten',
        this.#source,
        `names and attributes take more than ${maxNameBytes} bytes (maxNameBytes)`,
      );
    }
  }

  #bad(path: BytePath, what: string): Error {
    return failure('ARCHIVE', 'flatten', this.#source, `"${displayPath(path)}": ${what}`);
  }
}
