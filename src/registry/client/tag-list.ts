import type { IoOptions } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { isTag } from '../../oci/reference.ts';
import { discard } from './http.ts';
import { limits } from './limits.ts';
import type { RepositorySession } from './repository-session.ts';

/** ECR refuses larger pages. */
const pageSize = 1000;

/** Every tag, page by page. Names that are no tags (some registries list digests) are left out. */
export async function* listTags(session: RepositorySession, options: IoOptions): AsyncIterable<string> {
  let next: URL | undefined = session.url(`tags/list?n=${pageSize}`);
  const seen = new Set<string>();
  for (let page = 0; next !== undefined; page++) {
    if (page >= limits.tagPages || seen.has(next.href)) {
      throw failure('LIMIT', 'list tags of', session.name, 'the registry’s pages have no end');
    }
    seen.add(next.href);
    const response = await session.call({
      method: 'GET',
      at: next,
      actions: ['pull'],
      headers: { accept: 'application/json' },
      signal: options.signal,
    });
    if (response.status !== 200) {
      throw await session.fail(response, 'list tags of', '', 'the registry has no such repository');
    }
    const following = nextPage(response.headers.link, next, session);
    const bytes = await session.read(response, limits.tagPageBytes);
    if (bytes === undefined) {
      throw failure(
        'LIMIT',
        'list tags of',
        session.name,
        `a page is larger than ${limits.tagPageBytes} bytes`,
      );
    }
    discard(response);
    yield* tagsOf(bytes, session);
    next = following;
  }
}

function tagsOf(bytes: Buffer, session: RepositorySession): string[] {
  let tags: unknown;
  try {
    tags = (JSON.parse(bytes.toString('utf8')) as { tags?: unknown } | null)?.tags;
  } catch {
    throw failure('REGISTRY', 'list tags of', session.name, 'the registry’s answer is not JSON');
  }
  return Array.isArray(tags)
    ? tags.filter((tag): tag is string => typeof tag === 'string' && isTag(tag))
    : [];
}

/** The `rel="next"` of a Link header (RFC 8288); only on the registry's own origin. */
export function nextPage(
  header: string | string[] | undefined,
  base: URL,
  session: RepositorySession,
  action = 'list tags of',
): URL | undefined {
  const text = Array.isArray(header) ? header.join(',') : header;
  const target = /<([^<>]{1,2000})>\s*;[^<,]*\brel="?next"?/i.exec(text ?? '')?.[1];
  if (target === undefined) return undefined;
  const url = URL.parse(target, base.href);
  if (url === null || !session.endpoint.has(url)) {
    const where = url === null ? 'no URL' : redactUrl(url);
    throw failure('REGISTRY', action, session.name, `the next page is elsewhere: ${where}`);
  }
  return url;
}
