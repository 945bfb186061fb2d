import { defaultRegistry } from '../../oci/reference.ts';

/** Where Docker Hub's API lives; references, credentials and messages say docker.io. */
const hubHost = 'registry-1.docker.io';

/** True for 127.0.0.0/8, ::1, localhost and names below it (RFC 6761). Takes a URL's hostname. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase();
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}

/**
 * Whatever leads to this machine's own services: loopback, the unspecified address, and IPv4 loopback written as IPv6. For refusing; what may
 * be trusted is `isLoopbackHost`. Names that DNS resolves to such an address are not seen here.
 */
export function isThisMachine(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return (
    isLoopbackHost(host) ||
    /^0(?:\.0){3}$/.test(host) ||
    host === '[::]' ||
    /^\[::(?:ffff:)?(?:7f[0-9a-f]{2}:[0-9a-f]{1,4}|0:0)\]$/.test(host)
  );
}

/** The origin of a registry's API: plain HTTP on this machine only, HTTPS everywhere else. */
export function endpointOf(registry: string): URL {
  const host = registry === defaultRegistry ? hubHost : registry;
  const secure = new URL(`https://${host}/`);
  return isLoopbackHost(secure.hostname) ? new URL(`http://${host}/`) : secure;
}

/** Secrets may travel there: encrypted, or without leaving this machine. */
export function isConfidential(url: URL): boolean {
  return url.protocol === 'https:' || isLoopbackHost(url.hostname);
}
