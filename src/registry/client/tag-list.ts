import type { IoOptions } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import { isTag } from '../../oci/reference.ts';
import { limits } from './limits.ts';
import { Pages } from './next-page.ts';
import type { RepositorySession } from './repository-session.ts';

/** ECR refuses larger pages. */
const pageSize = 1000;

/** Every tag, page by page. Names that are no tags (some registries list digests) are left out. */
export async function* listTags(session: RepositorySession, options: IoOptions): AsyncIterable<string> {
  const pages = new Pages(session, 'list tags of', session.url(`tags/list?n=${pageSize}`));
  while (pages.next !== undefined) {
    const { response, bytes } = await session.readWhole(
      {
        method: 'GET',
        at: pages.next,
        actions: ['pull'],
        headers: { accept: 'application/json' },
        signal: options.signal,
      },
      limits.pageBytes,
    );
    if (response.status !== 200) {
      throw await session.fail(response, 'list tags of', '', 'the registry has no such repository');
    }
    if (bytes === undefined) {
      throw failure('LIMIT', 'list tags of', session.name, `a page is larger than ${limits.pageBytes} bytes`);
    }
    yield* tagsOf(bytes, session);
    pages.turn(response);
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
