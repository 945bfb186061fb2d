import type { ExtraHost } from './sandbox.ts';

/** What a container gets as /etc/hosts (BuildKit, executor/oci/hosts.go). */
export function hostsFile(hostname: string, extra: readonly ExtraHost[] = []): string {
  return [
    `127.0.0.1\tlocalhost ${hostname}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...extra.map(({ name, address }) => `${address}\t${name}`),
    '',
  ].join('\n');
}

/**
 * What a container gets as /etc/resolv.conf, from the host's. It shares the host's network or has none, so that the host's servers, a stub
 * on 127.0.0.53 too, are as good inside as outside. A host without any gets the public ones that Docker gives.
 */
export function resolvConf(network: 'host' | 'none', host: string | undefined): string {
  if (network === 'none') return '';
  if (host === undefined || !/^\s*nameserver\s+\S/m.test(host))
    return 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n';
  return host.endsWith('\n') ? host : `${host}\n`;
}
