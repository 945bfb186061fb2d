import { redactUrl } from '../../lib/redact.ts';

export interface SplitRemote {
  /** Without password, and for http without user. */
  readonly remote: string;
  readonly credentials: { readonly origin: string; readonly header: string } | undefined;
}

/** Takes the user and password out of an http address: they are sent as a header, to its origin only. */
export function splitCredentials(remote: string): SplitRemote {
  const url = URL.parse(remote);
  if (url === null || (url.username === '' && url.password === '')) return { remote, credentials: undefined };
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.password = '';
  if (isHttp) url.username = '';
  const header = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { remote: url.href, credentials: isHttp ? { origin: url.origin, header } : undefined };
}

/** As messages name a repository. */
export function redactRemote(remote: string): string {
  return URL.canParse(remote) ? redactUrl(remote) : remote;
}
