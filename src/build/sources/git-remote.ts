import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';

export interface SplitRemote {
  /** Without password, and for http without user. */
  readonly remote: string;
  readonly credentials: GitCredentials | undefined;
}

/** What git answers with where this origin asks for it. */
export interface GitCredentials {
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

/** Takes the user and password out of an http address: they are given to its origin only. DOCKERFILE for what cannot be sent. */
export function splitCredentials(remote: string): SplitRemote {
  const url = URL.parse(remote);
  if (url === null || (url.username === '' && url.password === '')) return { remote, credentials: undefined };
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  const { username, password } = url;
  url.password = '';
  if (isHttp) url.username = '';
  const credentials = isHttp
    ? { origin: url.origin, username: decoded(username, url), password: decoded(password, url) }
    : undefined;
  return { remote: url.href, credentials };
}

/** git's credential protocol has a line for each field. */
function decoded(text: string, url: URL): string {
  try {
    const plain = decodeURIComponent(text);
    if (!/[\0\r\n]/.test(plain)) return plain;
  } catch {
    // Told below: the message of a URIError may not quote it, ours does not.
  }
  throw failure(
    'DOCKERFILE',
    'fetch',
    redactUrl(url),
    'its user or password is not percent-encoded as it has to be',
  );
}

/** As messages name a repository. */
export function redactRemote(remote: string): string {
  return URL.canParse(remote) ? redactUrl(remote) : remote;
}
