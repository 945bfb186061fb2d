import { failure } from '../../../lib/errors.ts';
import { redactText, redactUrl } from '../../../lib/redact.ts';
import { isConfidential, isThisMachine } from '../endpoint.ts';

/**
 * Where a token may be asked for. The registry names the place, so it is judged first: HTTPS unless it is this machine, and this
 * machine only when the registry is on it too. (Other private addresses are allowed: company registries use them.) `anonymous`: no
 * secret goes there; then it may be as unencrypted as the registry itself is.
 */
export function checkRealm(
  realm: string | undefined,
  asked: { readonly registry: string; readonly origin: URL },
  { anonymous }: { anonymous: boolean },
): URL {
  const { registry, origin } = asked;
  const url = realm === undefined ? null : URL.parse(realm);
  const refused = (what: string) => failure('UNAUTHORIZED', 'log in to', registry, what);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refused(`its token service is no URL: ${redactText(realm ?? '(none)', 100)}`);
  }
  if (!isConfidential(url) && !(anonymous && origin.protocol === 'http:')) {
    throw refused(`its token service ${redactUrl(url)} is not encrypted; no credentials are sent there`);
  }
  if (isThisMachine(url.hostname) && !isThisMachine(origin.hostname)) {
    throw refused(`its token service ${redactUrl(url)} would be on this machine`);
  }
  url.username = '';
  url.password = '';
  return url;
}
