import { type Dirent, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure, isFailure, type PolyarchError } from '../../../lib/errors.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { limits } from '../limits.ts';
import type { HostTls, HostTlsSource } from './host-tls.ts';

const systemDirectories = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/**
 * The certificates of each host, read once and only when the host is spoken to over TLS: from `directory` for every host, else from the first
 * of `$XDG_CONFIG_HOME/containers/certs.d/HOST`, `/etc/containers/certs.d/HOST` and `/etc/docker/certs.d/HOST` that exists (containers-certs.d(5)).
 * `*.crt` are authorities, `NAME.cert` and `NAME.key` a client's pair. USAGE when half of a pair is missing or a directory that was asked for is.
 */
export function certificateDirectories(
  options: { env?: NodeJS.ProcessEnv | undefined; directory?: string | undefined } = {},
): HostTlsSource {
  const { env = process.env, directory } = options;
  const known = new Map<string, Promise<HostTls | undefined>>();
  return (host) => {
    let found = known.get(directory ?? host);
    if (found === undefined) {
      found = directory === undefined ? firstOf(host, env) : readCertificates(directory, { required: true });
      known.set(directory ?? host, found);
    }
    return found;
  };
}

async function firstOf(host: string, env: NodeJS.ProcessEnv): Promise<HostTls | undefined> {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  for (const parent of [join(config, 'containers/certs.d'), ...systemDirectories]) {
    for (const name of host.includes(':') ? [host] : [host, `${host}:443`]) {
      const found = await readCertificates(join(parent, name), { required: false });
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

async function readCertificates(
  directory: string,
  { required }: { required: boolean },
): Promise<HostTls | undefined> {
  const broken = (what: string, cause?: unknown): PolyarchError =>
    failure('USAGE', 'read certificates from', directory, what, {
      cause,
      hint: 'it holds authorities as NAME.crt, and a client’s certificate as NAME.cert with its NAME.key',
    });
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!required && /^E(?:NOENT|NOTDIR|ACCES)$/.test(code)) return undefined;
    throw broken(code === 'ENOENT' ? 'there is no such directory' : code, error);
  }
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const read = async (name: string): Promise<string> => {
    const path = join(directory, name);
    try {
      return String(await readFileWithin(path, limits.certificateBytes));
    } catch (error) {
      if (isFailure(error, 'LIMIT')) throw broken(`${name} is larger than ${limits.certificateBytes} bytes`);
      throw broken(`${name} cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
    }
  };
  const bases = (extension: string): string[] =>
    names.filter((name) => name.endsWith(extension)).map((name) => name.slice(0, -extension.length));
  const [certificates, keys] = [bases('.cert'), bases('.key')];
  const alone = certificates.find((base) => !keys.includes(base));
  if (alone !== undefined) throw broken(`${alone}.cert has no ${alone}.key`);
  const orphan = keys.find((base) => !certificates.includes(base));
  if (orphan !== undefined) throw broken(`${orphan}.key has no ${orphan}.cert`);
  return {
    authorities: await Promise.all(bases('.crt').map((base) => read(`${base}.crt`))),
    pairs: await Promise.all(
      certificates.map(async (base) => ({
        certificate: await read(`${base}.cert`),
        key: await read(`${base}.key`),
      })),
    ),
  };
}
