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
  /** For every registry; `anonymous`: none, whatever the files hold. */
  readonly credential?: Credential | 'anonymous' | undefined;
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
  const { credential, authFile } = registry;
  const fixed = credential === 'anonymous' ? undefined : credential;
  const { dockerCredentials } = await import('../registry/client/auth/docker-config.ts');
  return {
    env,
    credentials: credential === undefined ? dockerCredentials(env, { authFile }) : async () => fixed,
    tlsVerify: registry.tlsVerify,
    certificateDirectory: registry.certDir,
    connections: registry.connections,
    retries: registry.retries,
  };
}
