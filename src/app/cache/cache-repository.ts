import { KeyedRecords } from '../../build/cache/remote/keyed-records.ts';
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
    maxAge: parseHours(ttl ?? defaultTtl),
    now: () => Math.floor(Date.now() / 1000),
  });
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds: `336h`, `90m`, `1h30m`, `14d`. USAGE. */
function parseHours(text: string): number {
  const parts = [...text.matchAll(/(\d{1,6})([smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw failure('USAGE', 'use --cache-ttl', text, 'not a duration', { hint: '--cache-ttl 24h' });
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ''] ?? 0), 0);
}
