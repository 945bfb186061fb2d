import { KeyedRecords } from '../../build/cache/remote/keyed-records.ts';
import { parseDuration } from '../../lib/duration.ts';
import { failure } from '../../lib/errors.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';

/** kaniko's default, two weeks. */
const defaultTtl = '336h';

/** `--cache-repo` and `--cache-ttl`, kaniko's options. USAGE. */
export function openCacheRepository(
  text: string,
  ttl: string | undefined,
  client: RegistryClient,
): KeyedRecords {
  const { registry, repository, tag, digest } = parseReference(text);
  if (tag !== undefined || digest !== undefined) {
    throw failure('USAGE', 'use --cache-repo', text, 'it names a repository, without a tag or digest', {
      hint: 'each step gets a tag of its own there',
    });
  }
  return new KeyedRecords(client.repository(registry, repository), {
    origin: { registry, repository },
    maxAge: parseAge(ttl ?? defaultTtl),
    now: () => Math.floor(Date.now() / 1000),
  });
}

/** USAGE. */
function parseAge(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return seconds;
  throw failure('USAGE', 'use --cache-ttl', text, 'not a duration', { hint: '--cache-ttl 24h' });
}
