import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import type { HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import type { RepositorySession } from './repository-session.ts';

/** The pages of a list: each names the next in its Link header (distribution-spec, "Listing Tags"). LIMIT when they have no end. */
export class Pages {
  readonly #session: RepositorySession;
  readonly #action: string;
  readonly #seen = new Set<string>();
  #next: URL | undefined;

  /** `action` is for messages: `list tags of`. */
  constructor(session: RepositorySession, action: string, first: URL) {
    this.#session = session;
    this.#action = action;
    this.#next = first;
  }

  get next(): URL | undefined {
    return this.#next;
  }

  /** `response` is the answer for `next`. */
  turn(response: HttpResponse): void {
    if (this.#next !== undefined) this.#seen.add(this.#next.href);
    this.#next = this.#following(response);
    if (this.#next === undefined) return;
    if (this.#seen.size >= limits.pages || this.#seen.has(this.#next.href)) {
      throw failure('LIMIT', this.#action, this.#session.name, 'the registry’s pages have no end');
    }
  }

  /** The `rel="next"` of a Link header (RFC 8288); only on the registry's own origin. */
  #following(response: HttpResponse): URL | undefined {
    const header: string | string[] | undefined = response.headers.link;
    const text = Array.isArray(header) ? header.join(',') : header;
    const target = /<([^<>]{1,2000})>\s*;[^<,]*\brel="?next"?/i.exec(text ?? '')?.[1];
    if (target === undefined) return undefined;
    const url = URL.parse(target, response.url.href);
    if (url === null || !this.#session.endpoint.has(url)) {
      const where = url === null ? 'no URL' : redactUrl(url);
      throw failure('REGISTRY', this.#action, this.#session.name, `the next page is elsewhere: ${where}`);
    }
    return url;
  }
}
