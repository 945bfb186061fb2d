import { type Capable, canMount, type IoOptions, type Mounter, type Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { formatLocation, type Location, parseLocation } from '../../oci/location.ts';
import { hostPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import type { CopyEvent } from '../../transfer/copy-graph.ts';
import type { ManifestFamily } from '../../transfer/rewrite/docker-types.ts';
import type { LayerCompression } from '../../transfer/rewrite/recompress.ts';
import { checkTarget } from '../check-target.ts';
import { openTarget, targetKey } from '../open-target.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';
import type { Changes } from './changes.ts';
import { copyBetween } from './copy-between.ts';
import { CopyCounter, type CopyCounts } from './copy-counts.ts';

export type CopyImageEvent = CopyEvent | RegistryEvent;

/** What the user may ask of a copy, in words. */
export interface CopyRequest extends IoOptions {
  /** `linux/amd64`; these only. Default: all. */
  readonly platforms?: readonly string[] | undefined;
  readonly sparse?: boolean | undefined;
  /** This platform's manifest in place of the index. */
  readonly only?: Platform | undefined;
  readonly indexOnly?: boolean | undefined;
  readonly referrers?: boolean | undefined;
  readonly type?: ManifestFamily | undefined;
  readonly compression?: LayerCompression | undefined;
  readonly forceCompression?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly sourceRegistry?: RegistrySettings | undefined;
  readonly targetRegistry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: CopyImageEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface CopyResult {
  readonly source: string;
  readonly targets: readonly string[];
  /** Of the source. */
  readonly sourceDigest: Digest;
  /** What the targets' names stand for: the source's, unless the image was changed. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** The targets had it under their names already. */
  readonly unchanged: boolean;
  readonly counts: CopyCounts;
  readonly referrers: number;
  readonly notes: readonly string[];
}

/**
 * Copies an image with all its platforms, attestations and referrers from any transport to one or several others. A bare name is a registry's.
 * Contents move once for all names in one repository or file, and once for all repositories of a registry that mounts.
 */
export async function copy(
  source: string,
  targets: readonly string[],
  request: CopyRequest = {},
): Promise<CopyResult> {
  const to = targets.map((target) => checkedTarget(target));
  return await copyLocations(parseLocation(source), to, request);
}

/** The same, of locations. */
export async function copyLocations(
  from: Location,
  to: readonly Location[],
  request: CopyRequest = {},
): Promise<CopyResult> {
  const { env, signal, onEvent, dryRun, referrers } = request;
  const [first] = to;
  if (first === undefined) throw failure('USAGE', 'copy', formatLocation(from), 'no destination');
  const changes = changesOf(request);
  const counter = new CopyCounter();
  const clients = await openClients(request);
  try {
    const source = await openStore(from, { client: clients.source, env, signal });
    try {
      let outcome: Awaited<ReturnType<typeof copyBetween>> | undefined;
      let unchanged = true;
      const filled: Capable<Mounter>[] = [];
      for (const group of grouped(to)) {
        const platform = changes.platforms?.[0] ?? hostPlatform();
        const target = await openTarget(group, { client: clients.target, env, platform, dryRun });
        try {
          outcome = await copyBetween(source, target, {
            signal,
            changes,
            referrers,
            dryRun,
            mountFrom: () => besideOf(target.store, filled),
            onEvent: (event) => {
              counter.add(event);
              onEvent?.(event);
            },
          });
          unchanged &&= outcome.unchanged;
          if (!dryRun) await target.commit({ signal });
          if (canMount(target.store)) filled.push(target.store);
        } finally {
          await target.close();
        }
      }
      if (outcome === undefined) throw failure('USAGE', 'copy', formatLocation(from), 'no destination');
      const { root, source: found } = outcome;
      return {
        source: formatLocation(from),
        targets: to.map(formatLocation),
        sourceDigest: found.digest,
        digest: root.digest,
        mediaType: root.mediaType,
        unchanged,
        counts: counter.counts,
        referrers: outcome.referrers,
        notes: outcome.notes,
      };
    } finally {
      await source.close();
    }
  } finally {
    clients.close();
  }
}

/** USAGE for a short name, which would be Docker Hub's own. */
function checkedTarget(text: string): Location {
  const location = parseLocation(text);
  if (location.transport === 'docker')
    checkTarget(location.reference, text.replace(/^docker:\/\//, ''), 'copy to');
  return location;
}

/** One client where both ends are spoken to alike: connections, tokens and mounts are shared. */
async function openClients(
  request: Pick<CopyRequest, 'sourceRegistry' | 'targetRegistry' | 'onEvent' | 'env'>,
): Promise<{ source: RegistryClient; target: RegistryClient; close(): void }> {
  const { sourceRegistry, targetRegistry, onEvent, env } = request;
  const source = await createRegistryClient({ registry: sourceRegistry, onEvent, env });
  const alike = JSON.stringify(sourceRegistry ?? {}) === JSON.stringify(targetRegistry ?? {});
  const target = alike ? source : await createRegistryClient({ registry: targetRegistry, onEvent, env });
  const close = (): void => {
    source.close();
    if (!alike) target.close();
  };
  return { source, target, close };
}

/** The repositories of a target's own registry among those that have the image by now. */
function besideOf(target: Store, filled: readonly Capable<Mounter>[]): string[] {
  if (!canMount(target)) return [];
  return filled.filter(({ registry }) => registry === target.registry).map(({ repository }) => repository);
}

/** In the order of their first. */
function grouped(locations: readonly Location[]): (readonly [Location, ...Location[]])[] {
  const groups = new Map<string, [Location, ...Location[]]>();
  for (const location of locations) {
    const key = targetKey(location);
    const group = groups.get(key);
    if (group) group.push(location);
    else groups.set(key, [location]);
  }
  return [...groups.values()];
}

function changesOf(request: CopyRequest): Changes {
  const { type, forceCompression } = request;
  const platforms = request.platforms?.map((text): Platform => parsePlatform(text));
  if (request.sparse && (platforms === undefined || platforms.length === 0)) {
    throw failure('USAGE', 'use', '--sparse', 'it says how some platforms are chosen', {
      hint: 'add --platform',
    });
  }
  if (forceCompression && request.compression === undefined) {
    throw failure('USAGE', 'use', '--force-compression', 'it says nothing without --compression');
  }
  const { compression } = request;
  const { sparse, only, indexOnly } = request;
  return { platforms, sparse, only, indexOnly, type, compression, forceCompression };
}
