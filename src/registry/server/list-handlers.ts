import { canListReferrers, canListTags } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import { checkedDigest } from './names.ts';
import { jsonResponse, RegistryError } from './registry-error.ts';
import type { Repositories } from './repositories.ts';

/** GET /v2/<name>/tags/list[?n=…&last=…] */
export async function listTags(
  repositories: Repositories,
  name: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  if (!(await repositories.has(name))) throw new RegistryError('NAME_UNKNOWN', 'no such repository');
  const store = repositories.open(name);
  if (!canListTags(store)) throw new RegistryError('UNSUPPORTED', 'this registry lists no tags');
  const tags = await sorted(store.listTags({ signal: request.signal }));
  const page = pageOf(tags, request.query, `/v2/${name}/tags/list`);
  return jsonResponse({ name, tags: page.items }, { headers: page.headers });
}

/** GET /v2/_catalog[?n=…&last=…] (Docker's registry API) */
export async function listRepositories(
  repositories: Repositories,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const page = pageOf(await sorted(repositories.names()), request.query, '/v2/_catalog');
  return jsonResponse({ repositories: page.items }, { headers: page.headers });
}

/** GET /v2/<name>/referrers/<digest>[?artifactType=…]: an index, empty when nothing refers to the digest */
export async function listReferrers(
  repositories: Repositories,
  name: string,
  reference: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const digest = checkedDigest(reference);
  const store = repositories.open(name);
  // 404 without the specification's error: clients then keep the fallback tag.
  if (!canListReferrers(store)) throw new RegistryError('UNSUPPORTED', 'no referrers here', { status: 404 });
  const artifactType = request.query.get('artifactType');
  const manifests: Descriptor[] = [];
  for await (const referrer of store.listReferrers(digest, { signal: request.signal })) {
    if (artifactType === null || referrer.artifactType === artifactType) manifests.push(referrer);
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const headers: Record<string, string> =
    artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' };
  return jsonResponse(index, { contentType: mediaTypes.ociIndex, headers });
}

async function sorted(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function pageOf(
  all: readonly string[],
  query: URLSearchParams,
  path: string,
): { items: readonly string[]; headers: Readonly<Record<string, string>> } {
  const last = query.get('last');
  const rest = last === null ? all : all.filter((name) => name > last);
  const n = query.get('n');
  if (n === null) return { items: rest, headers: {} };
  if (!/^\d{1,9}$/.test(n)) throw new RegistryError('UNSUPPORTED', 'n is not a number', { status: 400 });
  const items = rest.slice(0, Number(n));
  const end = items.at(-1);
  if (end === undefined || items.length === rest.length) return { items, headers: {} };
  return { items, headers: { link: `<${path}?n=${n}&last=${encodeURIComponent(end)}>; rel="next"` } };
}
