import type { AgentOptions } from 'node:https';
import { getCACertificates } from 'node:tls';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { limits } from '../limits.ts';
import type { HostTls } from './host-tls.ts';

/** Where Linux distributions keep the authorities that their other programs trust, all in one file (crypto/x509/root_linux.go). */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

export interface TlsAgentOptions {
  /** Whether the peer has to prove who it is. */
  readonly verify: boolean;
  readonly host: HostTls | undefined;
  /** Trust what the machine's other programs trust, too. Costs reading its bundle: asked for when a certificate was not trusted. */
  readonly system: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** The part of an https.Agent's options that says whom it trusts and who it is. */
export async function tlsAgentOptions(options: TlsAgentOptions): Promise<AgentOptions> {
  const { verify, host, system, env } = options;
  const pairs = host?.pairs ?? [];
  const own = host?.authorities ?? [];
  const authorities = verify && system ? [...own, ...(await systemAuthorities(env))] : own;
  return {
    rejectUnauthorized: verify,
    // `ca` replaces what is trusted by default: that stays trusted.
    ...(verify && authorities.length > 0 ? { ca: [...getCACertificates('default'), ...authorities] } : {}),
    ...(pairs.length === 0
      ? {}
      : { cert: pairs.map((pair) => pair.certificate), key: pairs.map((pair) => pair.key) }),
  };
}

/** `$SSL_CERT_FILE`, else the first bundle that there is, else what Node finds in the system's store. */
async function systemAuthorities(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const own = env.SSL_CERT_FILE;
  for (const path of own ? [own] : systemBundles) {
    const text = await readFileWithin(path, limits.bundleBytes).catch(() => undefined);
    if (text !== undefined) return [text.toString('latin1')];
  }
  return getCACertificates('system');
}
