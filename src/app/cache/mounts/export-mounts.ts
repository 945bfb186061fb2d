import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startKeeper } from '../../../build/keeper/start-keeper.ts';
import { contentFromBytes } from '../../../content/content.ts';
import type { Store } from '../../../content/store.ts';
import { digestOf } from '../../../lib/digest.ts';
import { failure, isFailure } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { formatLocation, type Location } from '../../../oci/location.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { hostPlatform } from '../../../oci/platform.ts';
import { copyGraphs } from '../../../transfer/copy-graph.ts';
import { openTarget } from '../../open-target.ts';
import type { MountsOptions } from './import-mounts.ts';
import { type CarriedMount, emptyConfig, mountsArtifactType, mountsManifest } from './mounts-manifest.ts';
import { readMounts } from './read-mounts.ts';

/** Leaves the cache mounts that a build used, `since` (milliseconds since 1970) it began, where `--cache-mounts-to` says. Others that are there already stay. */
export async function exportMounts(
  locations: readonly Location[],
  since: number,
  options: MountsOptions,
): Promise<void> {
  const used = await mountsUsed(join(options.dataDirectory, 'cache-mounts'), since);
  const mounts = used.length === 0 ? [] : await packMounts(used, options);
  for (const location of locations) {
    const cache = formatLocation(location);
    if (mounts.length > 0) await publish(location, mounts, options);
    options.onEvent({ type: 'cache-exported', cache, steps: mounts.length });
  }
}

type UsedMount = Pick<CarriedMount, 'key' | 'id' | 'platform'>;

async function mountsUsed(directory: string, since: number): Promise<UsedMount[]> {
  const used: UsedMount[] = [];
  for (const key of await readdir(directory).catch(() => [])) {
    try {
      if ((await stat(join(directory, key, 'lock'))).mtimeMs < since) continue;
      const text = await readFile(join(directory, key, 'cache.json'), 'utf8');
      const { id, platform } = JSON.parse(text) as { id: unknown; platform: unknown };
      used.push({ key, id: String(id), platform: String(platform) });
    } catch {
      // It is being begun or removed.
    }
  }
  return used;
}

/** Their layers lie in the local store then. */
async function packMounts(
  used: readonly UsedMount[],
  { dataDirectory, store, sandbox, signal }: MountsOptions,
): Promise<CarriedMount[]> {
  const keeper = await startKeeper({ dataDirectory, platforms: [], sandbox: sandbox ?? 'auto', signal });
  try {
    const mounts: CarriedMount[] = [];
    for (const mount of used) {
      const packed = await keeper.packCache(mount.key, { signal });
      if (packed === null) continue;
      const { path, toc, descriptor, diffId, root } = packed;
      await store.adopt(path, descriptor, { signal, verified: true });
      await rm(toc, { force: true });
      mounts.push({ ...mount, layer: descriptor, diffId, root });
    }
    return mounts;
  } finally {
    await keeper.close();
  }
}

async function publish(
  location: Location,
  mounts: readonly CarriedMount[],
  { store, client, env, signal }: MountsOptions,
): Promise<void> {
  const target = await openTarget([location], { client, env, platform: hostPlatform() });
  try {
    const [name] = target.names;
    if (name === undefined)
      throw failure('USAGE', 'write cache mounts', formatLocation(location), 'it has no tag');
    const own = new Set(mounts.map(({ key }) => key));
    const others = (await known(target.store, name, signal)).filter(({ key }) => !own.has(key));
    const layers = mounts.map(({ layer }) => layer);
    await copyGraphs(store, target.store, layers, { signal });
    const config = await push(target.store, mediaTypes.ociEmpty, emptyConfig, signal);
    const text = JSON.stringify(mountsManifest([...mounts, ...others], config));
    const manifest = await push(target.store, mediaTypes.ociManifest, text, signal);
    await target.store.tag({ ...manifest, artifactType: mountsArtifactType }, name, { signal });
    await target.commit({ signal });
  } finally {
    await target.close();
  }
}

/** What is there and whole: a registry refuses a manifest whose layers it has not. */
async function known(store: Store, name: string, signal: AbortSignal | undefined): Promise<CarriedMount[]> {
  try {
    const mounts = await readMounts(store, name, { signal });
    const there = await Promise.all(mounts.map(({ layer }) => store.exists(layer, { signal })));
    return mounts.filter((_, position) => there[position]);
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND', 'CONTENT_INVALID', 'LIMIT')) return [];
    throw error;
  }
}

async function push(
  store: Store,
  mediaType: string,
  text: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes), { signal });
  return descriptor;
}
