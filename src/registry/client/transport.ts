import type { Agent } from 'node:http';
import type * as Https from 'node:https';
import { abortReason, failure } from '../../lib/errors.ts';
import { http } from '../../lib/node-http.ts';
import { redactUrl } from '../../lib/redact.ts';
import { version } from '../../lib/version.ts';
import { hostNameOf } from './endpoint.ts';
import { exchange, StaleConnection } from './exchange.ts';
import type { HttpRequest, HttpResponse, Send } from './http.ts';
import { limits } from './limits.ts';
import { isUnknownAuthority } from './network-failure.ts';
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

/** HTTP/1.1 over kept-alive connections, through the environment's proxies, with a pool of its own for each host. */
export function createTransport(options: TransportOptions = {}): Transport {
  const { env = process.env, connections = limits.connections, hostTls } = options;
  const agents = new Map<string, Promise<Agent>>();
  /** Hosts whose certificates only the machine's own authorities vouch for. */
  const systemTrust = new Set<string>();
  let https: typeof Https | undefined;

  const agentFor = (request: HttpRequest): Promise<Agent> => {
    const { url } = request;
    const proxy = proxyFor(url, env);
    const key = [
      url.protocol,
      url.host,
      request.insecure === true,
      systemTrust.has(url.host),
      proxy?.href,
    ].join(' ');
    let agent = agents.get(key);
    if (agent === undefined) {
      agent = makeAgent(request, proxy);
      agents.set(key, agent);
    }
    return agent;
  };

  const makeAgent = async ({ url, insecure }: HttpRequest, proxy: URL | undefined): Promise<Agent> => {
    const common = {
      keepAlive: true,
      maxSockets: connections,
      // With a proxy the time-out covers its CONNECT, of which nothing else is seen.
      ...(proxy
        ? { timeout: limits.connectMs, proxyEnv: { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href } }
        : {}),
    };
    if (url.protocol === 'http:') return new http.Agent(common);
    // TLS is the dearest module to load: registries on this machine do without.
    https ??= await import('node:https');
    const { tlsAgentOptions } = await import('./tls/tls-agent-options.ts');
    const tls = await tlsAgentOptions({
      verify: insecure !== true,
      host: await hostTls?.(hostNameOf(url)),
      system: systemTrust.has(url.host),
      env,
    });
    return new https.Agent({ ...common, ...tls });
  };

  const attempt = async (request: HttpRequest): Promise<HttpResponse> => {
    const { url, signal } = request;
    if (signal?.aborted) throw abortReason(signal);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw failure('REGISTRY', 'reach', redactUrl(url), 'neither http nor https');
    }
    const agent = await agentFor(request);
    // It may have come meanwhile: a listener for it would never be called.
    if (signal?.aborted) throw abortReason(signal);
    const open = url.protocol === 'https:' && https ? https.request : http.request;
    const { body } = request;
    const length = body === undefined ? undefined : body.length;
    const outgoing = open(url, {
      method: request.method,
      agent,
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
      for (const agent of agents.values()) {
        agent.then(
          (made) => made.destroy(),
          () => {},
        );
      }
      agents.clear();
    },
  };
}
