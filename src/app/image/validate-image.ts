import { finished } from 'node:stream/promises';
import { readLayer } from '../../archive/read-layer.ts';
import { parseDocument } from '../../content/document.ts';
import { readBytes, readImageConfig } from '../../content/read-manifest.ts';
import type { Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { isLayerType } from '../../oci/media-types.ts';
import { isImageManifest } from '../inspect/describe-manifest.ts';
import { type InspectOptions, withRoot } from '../inspect/open-root.ts';

export interface ValidateOptions extends InspectOptions {
  /** Layers are looked up and not read. Default false. */
  readonly fast?: boolean | undefined;
}

/**
 * What is wrong with an image, in words; nothing when it is whole: digests and sizes of all that it reaches, as many layers in the config as
 * in the manifest, each a tar whose digest is the config's diffID.
 */
export async function validateImage(text: string, options: ValidateOptions = {}): Promise<string[]> {
  return await withRoot(text, options, async ({ store, descriptor }) => {
    const validation = new Validation(store, options);
    await validation.document(descriptor);
    return validation.problems;
  });
}

const nothing = { entry: () => {}, data: () => {}, end: () => {} };

/** Whatever is named several times is read once: indexes that name each other's entries over and over would have no end. */
class Validation {
  readonly problems: string[] = [];
  readonly #store: Store;
  readonly #options: ValidateOptions;
  readonly #documents = new Set<string>();
  /** What layers are uncompressed; undefined for what is no layer of files. */
  readonly #layers = new Memo<Digest | undefined>();

  constructor(store: Store, options: ValidateOptions) {
    this.#store = store;
    this.#options = options;
  }

  async document(descriptor: Descriptor): Promise<void> {
    const named = `${descriptor.digest} ${descriptor.size}`;
    if (this.#documents.has(named)) return;
    this.#documents.add(named);
    await this.#collecting(async () => {
      const bytes = await readBytes(this.#store, descriptor, this.#options);
      const document = parseDocument(bytes, descriptor.digest);
      if (document.kind === 'index') for (const entry of document.index.manifests) await this.document(entry);
      else await this.#manifest(descriptor, document.manifest);
    });
  }

  async #manifest({ digest }: Descriptor, manifest: Manifest): Promise<void> {
    const { config, layers } = manifest;
    const isImage = isImageManifest(manifest);
    const diffIds = isImage
      ? (await readImageConfig(this.#store, config, this.#options)).rootfs.diff_ids
      : undefined;
    if (!isImage) await readBytes(this.#store, config, this.#options);
    if (diffIds && diffIds.length !== layers.length) {
      this.problems.push(
        `${digest}: its config names ${diffIds.length} layers, its manifest ${layers.length}`,
      );
    }
    for (const [position, layer] of layers.entries()) {
      await this.#collecting(async () => {
        const found = await this.#layer(layer);
        const expected = diffIds?.[position];
        if (found !== undefined && expected !== undefined && found !== expected) {
          this.problems.push(
            `${layer.digest}: its uncompressed content is ${found}, the config says ${expected}`,
          );
        }
      });
    }
  }

  async #layer(layer: Descriptor): Promise<Digest | undefined> {
    const { signal, fast } = this.#options;
    return await this.#layers.of(`${layer.digest} ${layer.size} ${layer.mediaType}`, async () => {
      if (fast) {
        if (!(await this.#store.exists(layer, this.#options)))
          this.problems.push(`${layer.digest}: it is not there`);
        return undefined;
      }
      const stream = await this.#store.fetch(layer, this.#options);
      if (isLayerType(layer.mediaType))
        return await readLayer(stream, nothing, { signal, source: layer.digest });
      // Read to the end: the stream verifies.
      stream.resume();
      await finished(stream);
      return undefined;
    });
  }

  async #collecting(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // A registry that cannot be reached says nothing of the image.
      if (
        this.#options.signal?.aborted ||
        !isFailure(error, 'CONTENT_INVALID', 'ARCHIVE', 'NOT_FOUND', 'LIMIT')
      )
        throw error;
      this.problems.push(reasonOf(error));
    }
  }
}
