import { abortReason, failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { version } from '../../lib/version.ts';
import { hostNameOf } from './endpoint.ts';
import { exchange, StaleConnection } from './exchange.ts';
import type { HttpRequest, HttpResponse, Send } from './http.ts';
import { limits } from './limits.ts';
import { isUnknownAuthority } from './network-failure.ts';
import type { OutgoingRequest } from './outgoing-request.ts';
import { ConnectionPool } from './plain-http/connection-pool.ts';
import { PlainRequest } from './plain-http/plain-request.ts';
import { proxyFor } from './proxy.ts';
import type { HostTlsSource } from './tls/host-tls.ts';

export interface Transport {
  readonly send: Send;
  /** Closes the idle connections. */
  close(): void;
}

export interface TransportOptions {
  /** Proxies, and where the machine's authorities are. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Connections to one host at a time. Default `limits.connections`. */
  readonly connections?: number | undefined;
  /** Certificates of single hosts. Default none. */
  readonly hostTls?: HostTlsSource | undefined;
}

/** Opens requests to one host, over its connections. */
interface Opener {
  open(
    url: URL,
    init: { readonly method: string; readonly headers: Record<string, string> },
  ): OutgoingRequest;
  close(): void;
}

/** HTTP/1.1 over kept-alive connections, through the environment's proxies, with a pool of its own for each host. */
export function createTransport(options: TransportOptions = {}): Transport {
  const { env = process.env, connections = limits.connections, hostTls } = options;
  const openers = new Map<string, Promise<Opener>>();
  /** Hosts whose certificates only the machine's own authorities vouch for. */
  const systemTrust = new Set<string>();

  const openerFor = (request: HttpRequest): Promise<Opener> => {
    const { url } = request;
    const proxy = proxyFor(url, env);
    const key = [
      url.protocol,
      url.host,
      request.insecure === true,
      systemTrust.has(url.host),
      proxy?.href,
    ].join(' ');
    let opener = openers.get(key);
    if (opener === undefined) {
      opener =
        url.protocol === 'http:' && proxy === undefined ? plainOpener(url) : nodeOpener(request, proxy);
      openers.set(key, opener);
    }
    return opener;
  };

  /** Nothing is between us and the host: no more is needed than a connection. */
  const plainOpener = async (url: URL): Promise<Opener> => {
    const pool = new ConnectionPool(url, connections);
    return { open: (target, init) => new PlainRequest(target, init, pool), close: () => pool.close() };
  };

  const nodeOpener = async ({ url, insecure }: HttpRequest, proxy: URL | undefined): Promise<Opener> => {
    const common = {
      keepAlive: true,
      maxSockets: connections,
      // With a proxy the time-out covers its CONNECT, of which nothing else is seen.
      ...(proxy
        ? { timeout: limits.connectMs, proxyEnv: { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href } }
        : {}),
    };
    if (url.protocol === 'http:') {
      const { http } = await import('../../lib/node-http.ts');
      const agent = new http.Agent(common);
      return {
        open: (target, init) => http.request(target, { ...init, agent }),
        close: () => agent.destroy(),
      };
    }
    // TLS is the dearest module to load: registries on this machine do without.
    const https = await import('node:https');
    const { tlsAgentOptions } = await import('./tls/tls-agent-options.ts');
    const tls = await tlsAgentOptions({
      verify: insecure !== true,
      host: await hostTls?.(hostNameOf(url)),
      system: systemTrust.has(url.host),
      env,
    });
    const agent = new https.Agent({ ...common, ...tls });
    return {
      open: (target, init) => https.request(target, { ...init, agent }),
      close: () => agent.destroy(),
    };
  };

  const attempt = async (request: HttpRequest): Promise<HttpResponse> => {
    const { url, signal } = request;
    if (signal?.aborted) throw abortReason(signal);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw failure('REGISTRY', 'reach', redactUrl(url), 'neither http nor https');
    }
    const opener = await openerFor(request);
    // It may have come meanwhile: a listener for it would never be called.
    if (signal?.aborted) throw abortReason(signal);
    const { body } = request;
    const length = body === undefined ? undefined : body.length;
    const outgoing = opener.open(url, {
      method: request.method,
      headers: {
        'user-agent': `polyarch/${version}`,
        ...request.headers,
        ...(length === undefined ? {} : { 'content-length': String(length) }),
      },
    });
    return await exchange(request, outgoing, proxyFor(url, env));
  };

  /** Once more with what the machine's other programs trust, where Node's own list knows the authority not. */
  const trusting = async (request: HttpRequest): Promise<HttpResponse> => {
    const { host } = request.url;
    const before = systemTrust.has(host);
    try {
      return await attempt(request);
    } catch (error) {
      if (before || !isUnknownAuthority(error)) throw error;
      systemTrust.add(host);
      return await attempt(request);
    }
  };

  return {
    async send(request) {
      try {
        return await trusting(request);
      } catch (error) {
        const replayable = request.body === undefined || request.body instanceof Uint8Array;
        if (!(error instanceof StaleConnection)) throw error;
        if (!replayable) throw error.reason;
        try {
          return await attempt(request);
        } catch (again) {
          throw again instanceof StaleConnection ? again.reason : again;
        }
      }
    },
    close() {
      for (const opener of openers.values()) {
        opener.then(
          (made) => made.close(),
          () => {},
        );
      }
      openers.clear();
    },
  };
}
