import { BlockList, isIP } from 'node:net';
import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { isLoopbackHost } from './endpoint.ts';

/**
 * The proxy that a URL is reached through, as Go's tools choose it (golang.org/x/net/http/httpproxy): HTTP_PROXY or HTTPS_PROXY by the
 * URL's scheme, in either case of letters, unless NO_PROXY names the host; never for this machine itself. UNSUPPORTED for a proxy
 * that is neither http nor https.
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = variable(env, name);
  // A CGI program's HTTP_PROXY is the client's "Proxy" header (CVE-2016-5386).
  if (text === undefined || (name === 'HTTP_PROXY' && env.REQUEST_METHOD !== undefined)) return undefined;
  if (isLoopbackHost(url.hostname) || isExempt(url, variable(env, 'NO_PROXY') ?? '')) return undefined;
  const proxy = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (proxy === null)
    throw failure('USAGE', 'use', name, 'it is no URL', { hint: `${name}=http://HOST:PORT` });
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw failure(
      'UNSUPPORTED',
      'use',
      redactUrl(proxy),
      `a ${proxy.protocol.slice(0, -1)} proxy is not supported`,
      {
        hint: `${name}=http://HOST:PORT is`,
      },
    );
  }
  return proxy;
}

function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined;
}

/** NO_PROXY's entries: `*`, hosts (and what is below them), `.domain`, addresses, networks in CIDR form, each with an optional port. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (network) return inNetwork(host, network[1] ?? '', Number(network[2]));
  const parts = /^(\[[^\]]+\]|[^:]+|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f.]*)(?::(\d+))?$/.exec(entry);
  if (!parts || (parts[2] !== undefined && parts[2] !== port)) return false;
  const name = (parts[1] ?? '').replace(/^\[|\]$/g, '').replace(/^\*\./, '.');
  if (name.startsWith('.')) return host.endsWith(name);
  return host === name || (isIP(name) === 0 && host.endsWith(`.${name}`));
}

function inNetwork(host: string, address: string, prefix: number): boolean {
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || prefix > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, prefix, type);
  return list.check(host, type);
}
