import { platformKey } from '../../index/platform-spelling.ts';
import type { Expected } from '../../index/publish-index.ts';
import { isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { parsePlatformList } from '../../oci/platform-list.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { CopyEvent } from '../../transfer/copy-graph.ts';
import type { RegistrySettings } from '../registry-settings.ts';

export type IndexEvent = CopyEvent | RegistryEvent;

/** What every change of an index can be told. */
export interface IndexOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: IndexEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export function parseExpected(text: string | undefined): Expected | undefined {
  if (text === undefined || text === 'none' || isDigest(text)) return text;
  throw failure('USAGE', 'use --expect-digest', text, 'neither a digest nor "none"', {
    hint: '--expect-digest none: the name must not exist yet',
  });
}

export function parseRequirements(options: {
  readonly require?: readonly string[];
  readonly optional?: readonly string[];
}) {
  const require = parsePlatformList(options.require ?? []);
  const optional = parsePlatformList(options.optional ?? []);
  const both = optional.find((one) => require.some((other) => platformKey(one) === platformKey(other)));
  if (both !== undefined) {
    throw failure('USAGE', 'use --optional', platformKey(both), 'it is required at the same time');
  }
  return { require, optional };
}
