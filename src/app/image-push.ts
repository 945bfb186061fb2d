import type { BuildContent, BuildResult } from '../build/engines/engine.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { type BegunCopy, beginCopy, type CopyGraphOptions } from '../transfer/copy-graph.ts';
import { openStore } from './stores.ts';

/** Pushes what a build makes to one reference: layers while the build goes on, manifests and the tag at its end. */
export class ImagePush {
  readonly #reference: Reference;
  readonly #client: RegistryClient;
  readonly #options: Pick<CopyGraphOptions, 'signal' | 'onEvent'>;
  #copy: Promise<BegunCopy> | undefined;

  constructor(
    reference: Reference,
    client: RegistryClient,
    options: Pick<CopyGraphOptions, 'signal' | 'onEvent'>,
  ) {
    this.#reference = withDefaultTag(reference);
    this.#client = client;
    this.#options = options;
  }

  /** Begins with a layer. A failure is told by `finish`. */
  ahead(layer: Descriptor, content: BuildContent): void {
    this.#begun(content).then(
      (copy) => copy.ahead(layer),
      () => {},
    );
  }

  async finish(built: BuildResult): Promise<void> {
    const copy = await this.#begun(built);
    await copy.finish([built.root]);
    const { store, reference } = await this.#target();
    await store.tag(built.root, reference, { signal: this.#options.signal });
  }

  /** The build failed: nothing of ours is under way when this resolves. */
  async abandon(reason: unknown): Promise<void> {
    const copy = await this.#copy?.catch(() => undefined);
    await copy?.abandon(reason);
  }

  #begun(content: BuildContent): Promise<BegunCopy> {
    this.#copy ??= this.#begin(content);
    return this.#copy;
  }

  async #begin({ source, origin }: BuildContent): Promise<BegunCopy> {
    const reference = this.#reference;
    const { store } = await this.#target();
    return beginCopy(source, store, {
      ...this.#options,
      mountFrom: (descriptor) => {
        const from = origin(descriptor);
        return from?.registry === reference.registry ? [from.repository] : [];
      },
    });
  }

  #target() {
    return openStore(
      { transport: 'docker', reference: this.#reference },
      { client: this.#client, create: true },
    );
  }
}
