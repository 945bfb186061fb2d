import type { Readable } from 'node:stream';
import { failure, isFailure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type ImageConfig, type Index, type Manifest, maxMetadataBytes } from '../oci/manifest.ts';
import { type Document, parseDocument } from './document.ts';
import { parseImageConfig } from './parse-image-config.ts';
import { canResolveDocument, type IoOptions, type ResolvedDocument, type Store } from './store.ts';

/** The whole of a small, verified content. LIMIT when its descriptor says more than `limit` bytes. */
export async function readBytes(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions & { limit?: number } = {},
): Promise<Buffer> {
  const { limit = maxMetadataBytes } = options;
  if (descriptor.size > limit) {
    throw failure(
      'LIMIT',
      'read',
      descriptor.digest,
      `${descriptor.size} bytes, more than the ${limit} that are read whole`,
    );
  }
  return await collect(await store.fetch(descriptor, options));
}

/** Everything a stream gives, in one Buffer: for what a limit was checked on before. */
export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** What a reference stands for, and its bytes: in one exchange where the store can. */
export async function resolveDocument(
  store: Store,
  reference: string,
  options: IoOptions = {},
): Promise<ResolvedDocument> {
  if (canResolveDocument(store)) return await store.resolveDocument(reference, options);
  const descriptor = await store.resolve(reference, options);
  return { descriptor, bytes: await readBytes(store, descriptor, options) };
}

/** Undefined where there is no such reference. */
export async function resolveIfThere(
  store: Store,
  reference: string,
  options: IoOptions,
): Promise<Descriptor | undefined> {
  try {
    return await store.resolve(reference, options);
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The manifest or index behind a descriptor, whichever its content is. */
export async function readDocument(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<Document> {
  return parseDocument(await readBytes(store, descriptor, options), descriptor.digest);
}

/** CONTENT_INVALID when the content is an index. */
export async function readManifest(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<Manifest> {
  const document = await readDocument(store, descriptor, options);
  if (document.kind === 'manifest') return document.manifest;
  throw failure('CONTENT_INVALID', 'read manifest', descriptor.digest, 'it is an index');
}

/** CONTENT_INVALID when the content is a manifest. */
export async function readIndex(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<Index> {
  const document = await readDocument(store, descriptor, options);
  if (document.kind === 'index') return document.index;
  throw failure('CONTENT_INVALID', 'read index', descriptor.digest, 'it is a manifest');
}

/** `descriptor` is a manifest's `config`. CONTENT_INVALID when it is no image's config. */
export async function readImageConfig(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<ImageConfig> {
  return parseImageConfig(await readBytes(store, descriptor, options), descriptor.digest);
}
