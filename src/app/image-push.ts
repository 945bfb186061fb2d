import type { BuildContent, BuildResult } from '../build/engines/engine.ts';
import type { Store } from '../content/store.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { type BegunCopy, beginCopy, type CopyGraphOptions } from '../transfer/copy-graph.ts';
import { targetKey } from './open-target.ts';
import { openStore } from './stores.ts';

type PushOptions = Pick<CopyGraphOptions, 'signal' | 'onEvent'>;

/** One push for each repository, however many tags the image gets there. */
export function imagePushes(
  references: readonly Reference[],
  client: RegistryClient,
  options: PushOptions,
): ImagePush[] {
  const repositories = Map.groupBy(references.map(withDefaultTag), (reference) =>
    targetKey({ transport: 'docker', reference }),
  );
  return [...repositories.values()].map((tags) => new ImagePush(tags, client, options));
}

/** Pushes what a build makes to one repository: layers while the build goes on, manifests and the tags at its end. */
class ImagePush {
  readonly #references: readonly Reference[];
  readonly #client: RegistryClient;
  readonly #options: PushOptions;
  #begun: Promise<{ readonly store: Store; readonly copy: BegunCopy }> | undefined;

  /** `references`: at least one, all of one repository. */
  constructor(references: readonly Reference[], client: RegistryClient, options: PushOptions) {
    this.#references = references;
    this.#client = client;
    this.#options = options;
  }

  /** Begins with a layer. A failure is told by `finish`. */
  ahead(layer: Descriptor, content: BuildContent): void {
    this.#begin(content).then(
      ({ copy }) => copy.ahead(layer),
      () => {},
    );
  }

  async finish(built: BuildContent & Pick<BuildResult, 'root'>): Promise<void> {
    // Nothing was made that could not be there: the same build again, to the same names.
    if (this.#begun === undefined && (await this.#isThere(built.root))) return;
    const { store, copy } = await this.#begin(built);
    await copy.finish([built.root]);
    for (const { tag } of this.#references) {
      if (tag !== undefined) await store.tag(built.root, tag, { signal: this.#options.signal });
    }
  }

  /** The build failed: nothing of ours is under way when this resolves. */
  async abandon(reason: unknown): Promise<void> {
    const begun = await this.#begun?.catch(() => undefined);
    await begun?.copy.abandon(reason);
  }

  /** Every tag leads to the image already. What cannot be asked is no: the push says why. */
  async #isThere(root: Descriptor): Promise<boolean> {
    const store = await this.#store();
    const found = this.#references.map(
      async ({ tag }) => (await store.resolve(tag ?? root.digest, this.#options)).digest === root.digest,
    );
    return (await Promise.all(found).catch(() => [false])).every(Boolean);
  }

  #begin(content: BuildContent) {
    this.#begun ??= this.#open(content);
    return this.#begun;
  }

  /** The place itself, not a mirror of it. */
  async #store(): Promise<Store> {
    const [reference] = this.#references as readonly [Reference, ...Reference[]];
    const place = { client: this.#client, create: true };
    return (await openStore({ transport: 'docker', reference }, place)).store;
  }

  async #open({ source, origin }: BuildContent) {
    const [reference] = this.#references as readonly [Reference, ...Reference[]];
    const store = await this.#store();
    const copy = beginCopy(source, store, {
      ...this.#options,
      mountFrom: (descriptor) => {
        const from = origin(descriptor);
        return from?.registry === reference.registry ? [from.repository] : [];
      },
    });
    return { store, copy };
  }
}
