import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { isThisMachine } from './endpoint.ts';
import { discard, type Send } from './http.ts';
import { limits } from './limits.ts';

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Follows the redirects of reads; a write that is redirected is the caller's to judge. Authorization stays with its origin: signed
 * storage URLs refuse a second authentication, and another host must not see ours. HTTPS never becomes HTTP, and nothing from
 * elsewhere leads to this machine's own services.
 */
export function withRedirects(send: Send): Send {
  return async (request) => {
    let current = request;
    for (let followed = 0; ; followed++) {
      const response = await send(current);
      const read = current.method === 'GET' || current.method === 'HEAD';
      const location = response.headers.location;
      if (!read || !redirects.has(response.status) || location === undefined) return response;
      discard(response);
      const from = redactUrl(current.url);
      if (followed >= limits.redirects) {
        throw failure('REGISTRY', 'read', redactUrl(request.url), `more than ${limits.redirects} redirects`);
      }
      const next = URL.parse(location, current.url.href);
      if (next === null || !/^https?:$/.test(next.protocol)) {
        throw failure('REGISTRY', 'read', from, 'redirected to what is no URL');
      }
      if (current.url.protocol === 'https:' && next.protocol === 'http:') {
        throw failure('REGISTRY', 'read', from, `redirected from https to ${redactUrl(next)}: refused`);
      }
      if (isThisMachine(next.hostname) && !isThisMachine(current.url.hostname)) {
        throw failure('REGISTRY', 'read', from, `redirected to this machine, ${redactUrl(next)}: refused`);
      }
      next.username = '';
      next.password = '';
      const { authorization, ...rest } = current.headers ?? {};
      const keep = next.origin === current.url.origin && authorization !== undefined;
      const insecure = current.insecure === true && next.hostname === current.url.hostname;
      current = { ...current, url: next, insecure, headers: keep ? { ...rest, authorization } : rest };
    }
  };
}
