import { readDocument } from '../../content/read-manifest.ts';
import { isAttestation, maxIndexDepth, maxIndexEntries } from '../../content/select-manifest.ts';
import type { Ingester, IoOptions, Store } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import { Pool } from '../../lib/pool.ts';
import { referenceDigest } from '../../oci/attestation.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Index, Manifest } from '../../oci/manifest.ts';
import { familyOf, isImageConfig, type ManifestFamily, mediaTypeIn } from './docker-types.ts';
import { DraftStore } from './draft-store.ts';
import { compressionOf, type LayerCompression, recompress } from './recompress.ts';
import type { Rewritten } from './rewritten.ts';

export interface ConvertOptions extends IoOptions {
  /** Media types of manifests, configs and layers. Default: as they are. */
  readonly type?: ManifestFamily | undefined;
  /** Of layers that have none; with `force` of all. Default: as they are. */
  readonly compression?: LayerCompression | undefined;
  readonly force?: boolean | undefined;
  /** Where layers that are compressed anew are kept until they are copied. */
  readonly layers: Store & Ingester;
}

/** Each takes a few threads by itself. */
const layersAtOnce = 2;
/** What browsers and Docker do to one host. */
const documentsAtOnce = 6;

/**
 * The image with other media types, or with its layers compressed otherwise: every manifest that changes has a new digest, and what names it
 * names the new one. What is no image (signatures, SBOMs) stays as it is. LIMIT for an image of very many manifests.
 */
export async function convert(source: Store, root: Descriptor, options: ConvertOptions): Promise<Rewritten> {
  const conversion = new Conversion(source, options);
  const converted = await conversion.document(root);
  return converted.digest === root.digest ? { source, root } : { source: conversion.draft, root: converted };
}

class Conversion {
  readonly draft: DraftStore;
  readonly #options: ConvertOptions;
  readonly #documents = new Memo<Descriptor>();
  readonly #layers = new Memo<Descriptor>();
  readonly #pool = new Pool(layersAtOnce);
  readonly #reading = new Pool(documentsAtOnce);
  #count = 0;

  constructor(source: Store, options: ConvertOptions) {
    this.draft = new DraftStore(source, { layers: options.layers });
    this.#options = options;
  }

  /** `moved`: what became of the images beside it, by their digests before. */
  document(descriptor: Descriptor, depth = 0, moved: Moved = new Map()): Promise<Descriptor> {
    return this.#documents.of(descriptor.digest, async () => {
      this.#count++;
      const limit = (what: string) => failure('LIMIT', 'convert', descriptor.digest, what);
      if (depth > maxIndexDepth) throw limit(`nested more than ${maxIndexDepth} deep`);
      if (this.#count > maxIndexEntries + 1)
        throw limit(`the image has more than ${maxIndexEntries} manifests`);
      const document = await this.#reading.run(() =>
        readDocument(this.draft.base, descriptor, this.#options),
      );
      return document.kind === 'index'
        ? await this.#index(descriptor, document, depth)
        : await this.#manifest(descriptor, document, moved);
    });
  }

  async #index(
    descriptor: Descriptor,
    { mediaType, index }: { readonly mediaType: string; readonly index: Index },
    depth: number,
  ): Promise<Descriptor> {
    const { manifests: entries } = index;
    const moved = new Map<string, Descriptor>();
    const convertAll = async (some: readonly Descriptor[]): Promise<void> => {
      const converted = await Promise.all(some.map((entry) => this.document(entry, depth + 1, moved)));
      for (const [at, entry] of some.entries()) moved.set(entry.digest, converted[at] ?? entry);
    };
    await convertAll(entries.filter((entry) => !isAttestation(entry)));
    await convertAll(entries.filter(isAttestation));
    const manifests = entries.map((entry) => pointedAnew(entry, moved));
    const type = this.#type(mediaType);
    const same = type === mediaType && entries.every(({ digest }) => moved.get(digest)?.digest === digest);
    return same
      ? descriptor
      : await this.draft.add(type, { ...index, mediaType: type, manifests }, descriptor);
  }

  async #manifest(
    descriptor: Descriptor,
    { mediaType, manifest }: { readonly mediaType: string; readonly manifest: Manifest },
    moved: Moved,
  ): Promise<Descriptor> {
    const subject = subjectAnew(manifest, moved);
    if (manifest.artifactType !== undefined || !isImageConfig(manifest.config.mediaType)) {
      if (subject === manifest.subject) return descriptor;
      return await this.draft.add(mediaType, { ...manifest, subject }, descriptor);
    }
    const layers = await Promise.all(manifest.layers.map((layer) => this.#layer(layer)));
    const type = this.#type(mediaType);
    // A layer that was compressed anew speaks OCI: its manifest says in which words it is named here.
    const family = familyOf(type);
    const named = layers.map((layer) =>
      compressionOf(layer) === undefined
        ? layer
        : { ...layer, mediaType: mediaTypeIn(family, layer.mediaType) },
    );
    const config = { ...manifest.config, mediaType: this.#type(manifest.config.mediaType) };
    const same =
      type === mediaType && named.every(({ digest }, at) => digest === manifest.layers[at]?.digest);
    if (same && subject === manifest.subject) return descriptor;
    const changed = { ...manifest, mediaType: type, config, layers: named };
    return await this.draft.add(type, subject === undefined ? changed : { ...changed, subject }, descriptor);
  }

  async #layer(layer: Descriptor): Promise<Descriptor> {
    const { compression, force } = this.#options;
    const now = compressionOf(layer);
    if (compression === undefined || now === undefined || now === compression) return layer;
    if (now !== 'none' && !force) return layer;
    return await this.#layers.of(layer.digest, async () => {
      const run = () => recompress(this.draft.base, layer, compression, this.#options.layers, this.#options);
      return (await this.#pool.run(run)) ?? layer;
    });
  }

  #type(mediaType: string): string {
    const { type } = this.#options;
    return type === undefined ? mediaType : mediaTypeIn(type, mediaType);
  }
}

type Moved = ReadonlyMap<string, Descriptor>;

/** An entry about what its manifest became. An attestation says by digest which image it is about (BuildKit, attestation-storage.md). */
function pointedAnew(entry: Descriptor, moved: Moved): Descriptor {
  const { mediaType, digest, size } = moved.get(entry.digest) ?? entry;
  // What is embedded are the bytes of before.
  const { data, ...kept } = entry;
  const pointed =
    digest === entry.digest ? { ...entry, mediaType, size } : { ...kept, mediaType, digest, size };
  const about = entry.annotations?.[referenceDigest];
  const now = about === undefined ? undefined : moved.get(about)?.digest;
  if (!isAttestation(entry) || now === undefined || now === about) return pointed;
  return { ...pointed, annotations: { ...entry.annotations, [referenceDigest]: now } };
}

/** BuildKit 0.32 names the image in the attestation's `subject` too. */
function subjectAnew({ subject }: Manifest, moved: Moved): Descriptor | undefined {
  const now = subject && moved.get(subject.digest);
  if (subject === undefined || now === undefined || now.digest === subject.digest) return subject;
  const { mediaType, digest, size } = now;
  return { ...subject, mediaType, digest, size };
}
