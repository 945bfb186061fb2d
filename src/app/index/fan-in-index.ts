import { parseAnnotation } from '../../index/annotation.ts';
import { fanIn } from '../../index/fan-in.ts';
import type { IndexTarget } from '../../index/publish-index.ts';
import { targetsOf } from '../../index/update-index.ts';
import { failure } from '../../lib/errors.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { CreateIndexOptions } from './create-index.ts';
import { parseRequirements } from './index-options.ts';
import { IndexStores } from './index-stores.ts';
import { parseSources } from './parse-source.ts';
import { readSources } from './read-sources.ts';
import { type WrittenIndex, writtenIndex } from './written-index.ts';

export interface FanInIndexOptions extends Omit<CreateIndexOptions, 'subject' | 'expect' | 'dryRun'> {
  /** What the jobs of one run share. */
  readonly key: string;
}

export interface FannedIn {
  /** Platforms that this job brought, as spelled. */
  readonly registered: readonly string[];
  /** Required and not there yet. Empty: the index is written. */
  readonly missing: readonly string[];
  readonly written?: WrittenIndex;
}

/** One of several jobs that bring an index together; the one that completes the set writes it. See `fanIn`. */
export async function fanInIndex(options: FanInIndexOptions): Promise<FannedIn> {
  const { key, signal, onEvent, target } = options;
  const requirements = parseRequirements(options);
  if (requirements.require.length === 0) {
    throw failure('USAGE', 'use --fan-in', key, 'nothing says which platforms complete the set', {
      hint: '--require linux/amd64,linux/arm64',
    });
  }
  const annotations = (options.annotations ?? []).flatMap(parseAnnotation);
  const sources = parseSources(options);
  const stores = new IndexStores(options);
  try {
    const named = await stores.targets([target, ...(options.tags ?? [])]);
    const targets = targetsOf(named) as [IndexTarget, ...IndexTarget[]];
    const read = await readSources(stores, sources, { signal });
    const { type, replace, attestations, artifactType } = options;
    const result = await fanIn(
      targets,
      read.sources,
      { key, ...requirements },
      {
        signal,
        onEvent,
        plan: { type, replace, attestations, annotations, artifactType },
      },
    );
    return {
      registered: result.registered.map(formatPlatform),
      missing: result.missing.map(formatPlatform),
      ...(result.plan === undefined
        ? {}
        : { written: writtenIndex(named, result.plan, [...read.warnings, ...result.plan.warnings]) }),
    };
  } finally {
    await stores.close();
  }
}
