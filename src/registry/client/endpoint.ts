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

/** How the user wants TLS to be: true, a trusted certificate on this machine too; false, any, or none; undefined, as the host decides. */
export type TlsVerify = boolean | undefined;

/** The origins that a registry's API may have, the likeliest first. Plain HTTP is among them on this machine, and where TLS is not wanted. */
function originsOf(registry: string, tlsVerify: TlsVerify): [URL, ...URL[]] {
  if (registry === defaultRegistry) return [new URL(`https://${hubHost}/`)];
  const secure = new URL(`https://${registry}/`);
  const plain = new URL(`http://${registry}/`);
  if (tlsVerify === true) return [secure];
  if (isLoopbackHost(secure.hostname)) return [plain, secure];
  return tlsVerify === false ? [secure, plain] : [secure];
}

/** What a URL's host is called in references, and so in directories of certificates. */
export function hostNameOf(url: URL): string {
  return url.host === hubHost ? defaultRegistry : url.host;
}

/** Secrets may travel there: encrypted, or without leaving this machine. */
export function isConfidential(url: URL): boolean {
  return url.protocol === 'https:' || isLoopbackHost(url.hostname);
}

export interface EndpointOptions {
  readonly tlsVerify?: TlsVerify;
  /** There are certificates for this registry: it speaks TLS. */
  readonly hasCertificates?: (() => Promise<boolean>) | undefined;
}

/** Where a registry's API is: learnt by speaking to it where plain HTTP and TLS are both possible. */
export class Endpoint {
  readonly registry: string;
  /** Its certificate need not be trusted. */
  readonly insecure: boolean;
  #origins: readonly [URL, ...URL[]];
  #hasCertificates: (() => Promise<boolean>) | undefined;
  #decides: Promise<boolean> | undefined;

  constructor(registry: string, options: EndpointOptions = {}) {
    this.registry = registry;
    this.insecure = options.tlsVerify === false;
    this.#origins = originsOf(registry, options.tlsVerify);
    this.#hasCertificates = options.hasCertificates;
  }

  /** The origin that is spoken to. */
  get current(): URL {
    return this.#origins[0];
  }

  /** The one to try when nothing at `current` speaks its protocol. */
  get alternative(): URL | undefined {
    return this.#origins[1];
  }

  has(url: URL): boolean {
    return this.#origins.some((origin) => origin.origin === url.origin);
  }

  /** Requests side by side wait for one look at the certificates. */
  async prepare(): Promise<void> {
    if (this.current.protocol !== 'http:' || this.alternative === undefined || !this.#hasCertificates) return;
    this.#decides ??= this.#hasCertificates();
    if ((await this.#decides) && this.alternative !== undefined) this.settle(this.alternative);
    this.#hasCertificates = undefined;
  }

  /** It answered: no other is tried any more. */
  settle(origin: URL): void {
    this.#origins = [origin];
  }
}
