import { join } from 'node:path';
import { dataDirectory } from '../lib/data-directory.ts';
import type { Credential } from '../registry/client/auth/credential.ts';
import type { RegistryClientOptions } from '../registry/client/registry-client.ts';

/** What a user may say of the registries that a command speaks to. Nothing said: what files and the environment say. */
export interface RegistrySettings {
  /** True: TLS on this machine too. False: any certificate will do, and plain HTTP where there is no TLS. */
  readonly tlsVerify?: boolean | undefined;
  /** Directory of `*.crt`, `*.cert` and `*.key` in place of `certs.d`. */
  readonly certDir?: string | undefined;
  /** In place of Docker's config.json. */
  readonly authFile?: string | undefined;
  /** For the registries that the command names; `anonymous`: none, whatever the files hold. Mirrors and others get what the files hold. */
  readonly credential?: Credential | 'anonymous' | undefined;
  /** In place of the registries.conf files of the user and the system. */
  readonly registriesConf?: string | undefined;
  /** Connections to one host at a time. */
  readonly connections?: number | undefined;
  /** Tries after the first of one request or transfer. */
  readonly retries?: number | undefined;
}

export async function clientOptions(options: {
  registry?: RegistrySettings | undefined;
  env?: NodeJS.ProcessEnv | undefined;
}): Promise<RegistryClientOptions> {
  const { registry = {}, env } = options;
  const { authFile, registriesConf } = registry;
  const { dockerCredentials } = await import('../registry/client/auth/docker-config.ts');
  const { loadRegistriesConf } = await import('../registry/client/mirrors/load-registries-conf.ts');
  return {
    env,
    credentials: dockerCredentials(env, { authFile }),
    credential: registry.credential,
    registries: await loadRegistriesConf({ path: registriesConf, env }),
    tlsVerify: registry.tlsVerify,
    certificateDirectory: registry.certDir,
    uploadsDirectory: join(dataDirectory(env), 'uploads'),
    connections: registry.connections,
    retries: registry.retries,
  };
}
