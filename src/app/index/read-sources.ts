import type { IoOptions } from '../../content/store.ts';
import type { ChosenSource } from '../../index/plan-create.ts';
import { readSource } from '../../index/read-source.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import { type Platform, platformsEqual } from '../../oci/platform.ts';
import type { IndexStores } from './index-stores.ts';
import type { SourceArgument } from './parse-source.ts';

export interface ReadSourcesOptions extends IoOptions {
  /** Platforms that may be missing: a source that does not exist is then left out, with a warning. */
  readonly optional?: readonly Platform[] | undefined;
}

/** Reads all sources side by side, in their order. */
export async function readSources(
  stores: IndexStores,
  sources: readonly SourceArgument[],
  options: ReadSourcesOptions,
): Promise<{ sources: ChosenSource[]; warnings: string[] }> {
  const read = await Promise.all(sources.map((source) => readOne(stores, source, options)));
  return {
    sources: read.filter((one) => typeof one !== 'string'),
    warnings: read.filter((one) => typeof one === 'string'),
  };
}

async function readOne(
  stores: IndexStores,
  source: SourceArgument,
  options: ReadSourcesOptions,
): Promise<ChosenSource | string> {
  try {
    const { name, store, reference } = await stores.source(source.location);
    return {
      ...(await readSource({ name, store, reference }, { signal: options.signal })),
      override: source.override,
    };
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND') || !mayBeMissing(source, options.optional ?? [])) throw error;
    return `${reasonOf(error)}: left out`;
  }
}

function mayBeMissing({ override }: SourceArgument, optional: readonly Platform[]): boolean {
  if (optional.length === 0) return false;
  const { os, architecture, variant } = override ?? {};
  if (os === undefined || architecture === undefined) return true;
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return optional.some((one) => platformsEqual(one, platform));
}
