import { renderIndex } from '../../index/index-draft.ts';
import { type ChosenSource, type PlanHints, planCreate } from '../../index/plan-create.ts';
import { publishIndex } from '../../index/publish-index.ts';
import { targetsOf } from '../../index/update-index.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { parseReference } from '../../oci/reference.ts';
import { renderList } from '../docker-manifest/render-list.ts';
import type { IndexOptions } from '../index/index-options.ts';
import { IndexStores } from '../index/index-stores.ts';
import { readSources } from '../index/read-sources.ts';
import { type WrittenIndex, writtenIndex } from '../index/written-index.ts';
import type { ManifestSpec, SpecEntry } from './parse-spec.ts';

export interface PushSpecOptions extends IndexOptions {
  readonly type: 'docker' | 'oci';
  /** Images that do not exist are left out, with a warning. */
  readonly ignoreMissing?: boolean | undefined;
}

const planHints: PlanHints = {
  duplicate: 'leave one of them out, or say under "platform" what it really is for',
  dockerList: 'push --type oci makes it an OCI index',
};

/** `manifest-tool push`: the images of a specification under its name and tags, in the same bytes. */
export async function pushSpec(spec: ManifestSpec, options: PushSpecOptions): Promise<WrittenIndex> {
  const { signal, onEvent, type, ignoreMissing } = options;
  const target = parseReference(spec.image);
  const names = [spec.image, ...spec.tags.map((tag) => `${target.registry}/${target.repository}:${tag}`)];
  const stores = new IndexStores(options);
  try {
    const targets = await stores.targets(names);
    const read = await Promise.all(spec.manifests.map((entry) => readEntry(stores, entry, options)));
    const sources = read.flatMap((one) => one.sources);
    if (sources.length === 0) {
      throw failure('NOT_FOUND', 'push', spec.image, 'every image was left out: there is nothing to push', {
        hint: ignoreMissing
          ? 'leave --ignore-missing away to see what is missing'
          : 'name at least one image',
      });
    }
    const annotations = Object.entries(spec.annotations).map(
      ([key, value]) => ({ on: 'index', key, value }) as const,
    );
    const plan = planCreate(spec.image, sources, { type, annotations, hints: planHints });
    const { entries, mediaType } = plan.draft;
    const document =
      type === 'docker' ? renderList(entries, { mediaType, indent: 2 }) : renderIndex(plan.draft);
    await publishIndex(document, plan.children, targetsOf(targets), { signal, onEvent });
    const warnings = [...read.flatMap((one) => one.warnings), ...plan.warnings];
    return writtenIndex(targets, plan, warnings, document);
  } finally {
    await stores.close();
  }
}

/** An index keeps the platforms of its own entries, as in manifest-tool: there is more than one. */
async function readEntry(stores: IndexStores, { image, platform }: SpecEntry, options: PushSpecOptions) {
  const location = { transport: 'docker', reference: parseReference(image) } as const;
  try {
    const { sources } = await readSources(stores, [{ text: image, location }], { signal: options.signal });
    return {
      sources: sources.map((source) => (source.isIndex ? source : withPlatform(source, platform))),
      warnings: [],
    };
  } catch (error) {
    if (!options.ignoreMissing || !isFailure(error, 'NOT_FOUND')) throw error;
    return { sources: [], warnings: [`${reasonOf(error)}: left out`] };
  }
}

/** What the specification does not say comes from the config, as long as both are for one architecture. */
function withPlatform(source: ChosenSource, platform: SpecEntry['platform']): ChosenSource {
  const own = source.entries[0]?.platform;
  if (Object.keys(platform).length === 0 || own === undefined) return source;
  const same = platform.architecture === undefined || platform.architecture === own.architecture;
  return { ...source, override: same ? { ...own, ...platform } : platform };
}

/** `from-args`: an entry for each platform, OS, ARCH and VARIANT of the template replaced once each. USAGE. */
export function specFromArguments(options: {
  readonly platforms: readonly string[];
  readonly template: string;
  readonly target: string;
  readonly tags: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}): ManifestSpec {
  const { template, target, tags, annotations } = options;
  const manifests = options.platforms.map((text): SpecEntry => {
    const [os, architecture, variant, ...more] = text.split('/');
    if (!os || !architecture || more.length > 0) {
      throw failure('USAGE', 'use --platforms', text, 'not of the form os/arch or os/arch/variant', {
        hint: '--platforms linux/amd64,linux/arm/v7',
      });
    }
    // The order is manifest-tool's: each word stands for its first place only.
    const image = replaceOnce(
      replaceOnce(replaceOnce(template, 'ARCH', architecture), 'OS', os),
      'VARIANT',
      variant ?? '',
    );
    return { image, platform: { os, architecture, ...(variant ? { variant } : {}) } };
  });
  return { image: target, tags, manifests, annotations };
}

function replaceOnce(text: string, word: string, value: string): string {
  return text.replace(word, () => value);
}
