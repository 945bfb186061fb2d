import type { IoOptions } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import { isRegistry, isRepository } from '../../oci/reference.ts';
import type { Credential, CredentialSource } from './auth/credential.ts';
import { dockerCredentials } from './auth/docker-config.ts';
import { withAuth } from './auth/with-auth.ts';
import { Endpoint, type TlsVerify } from './endpoint.ts';
import type { OnRegistryEvent } from './events.ts';
import type { Send } from './http.ts';
import { limits } from './limits.ts';
import { MirroredStore } from './mirrors/mirrored-store.ts';
import type { Place, Places, RegistriesConf } from './mirrors/registries-conf.ts';
import { withRedirects } from './redirect.ts';
import { checkAccess } from './registry-access.ts';
import { RegistryStore } from './registry-store.ts';
import { RepositorySession, type UploadHabits } from './repository-session.ts';
import { withRetry } from './retry.ts';
import { certificateDirectories } from './tls/certificate-directories.ts';
import type { HostTlsSource } from './tls/host-tls.ts';
import { createTransport, type Transport } from './transport.ts';
import { UploadRecordDirectory, type UploadRecords } from './uploads/upload-records.ts';
import { withEndpoint } from './with-endpoint.ts';

export interface RegistryClientOptions {
  /** Who the user is, by registry. Default: Docker's config.json and credential helpers. */
  readonly credentials?: CredentialSource | undefined;
  /** For the registries that the user named, in place of `credentials`; `anonymous` is none. Mirrors never see it. */
  readonly credential?: Credential | 'anonymous' | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /**
   * Whether a registry has to prove who it is. Default: yes, except that plain HTTP is spoken to registries of this machine. True: TLS there
   * too. False: any certificate will do, and plain HTTP where TLS is not spoken; credentials never travel so, except on this machine.
   */
  readonly tlsVerify?: TlsVerify;
  /** Directory of `*.crt`, `*.cert` and `*.key` for every registry. Default: the `certs.d` directories of containers and Docker. */
  readonly certificateDirectory?: string | undefined;
  /** Mirrors, and registries under other names, blocked or insecure. Default none. */
  readonly registries?: RegistriesConf | undefined;
  /** Connections to one host at a time. Default 16. */
  readonly connections?: number | undefined;
  /** Tries after the first of one request or transfer. Default 4. */
  readonly retries?: number | undefined;
  /** Directory where unfinished uploads are remembered for the next process. Default none: they begin anew. */
  readonly uploadsDirectory?: string | undefined;
  /** Where proxies, Docker's config.json and certificates are looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Factor of every wait between tries: tests make it small. Default 1. */
  readonly pace?: number | undefined;
}

interface Registry {
  readonly endpoint: Endpoint;
  readonly habits: UploadHabits;
  readonly send: Send;
}

/** The registry that the user named, or one that stands for it. */
type Role = 'named' | 'other';

/** Connections, tokens and credentials of one run, shared by all its repositories. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #credentials: CredentialSource;
  readonly #hostTls: HostTlsSource;
  readonly #transport: Transport;
  readonly #uploads: UploadRecords | undefined;
  readonly #registries = new Map<string, Registry>();
  /** One store for one repository, so that work under way is shared. */
  readonly #stores = new Map<string, RegistryStore>();
  readonly #mirrored = new Map<string, MirroredStore>();

  constructor(options: RegistryClientOptions = {}) {
    const { env, connections, certificateDirectory, registries, onEvent } = options;
    this.#options = options;
    this.#credentials = options.credentials ?? dockerCredentials(env);
    this.#hostTls = certificateDirectories({ env, directory: certificateDirectory });
    this.#transport = createTransport({ env, connections, hostTls: this.#hostTls });
    const { uploadsDirectory } = options;
    this.#uploads = uploadsDirectory === undefined ? undefined : new UploadRecordDirectory(uploadsDirectory);
    for (const message of registries?.warnings ?? []) {
      onEvent?.({ type: 'registry-warning', registry: 'registries.conf', message });
    }
  }

  /**
   * The repository itself, to write to: `registry` and `repository` as `parseReference` gives them. No request is made until one is needed.
   * USAGE when the registry is blocked.
   */
  repository(registry: string, repository: string): RegistryStore {
    return this.#store(this.#places(registry, repository).target, 'named');
  }

  /** The repository as it is read: through its mirrors, where it has any. */
  source(registry: string, repository: string): RegistryStore | MirroredStore {
    const { mirrors, primary, target } = this.#places(registry, repository);
    const itself = this.#store(primary, primary.registry === registry ? 'named' : 'other');
    if (mirrors.length === 0 && primary.registry === registry && primary.repository === repository) {
      return itself;
    }
    const key = `${registry}/${repository}`;
    let store = this.#mirrored.get(key);
    if (store === undefined) {
      store = new MirroredStore({
        mirrors: mirrors.map((mirror) => ({ store: this.#store(mirror, 'other'), pull: mirror.pull })),
        primary: itself,
        target: this.#store(target, 'named'),
        onEvent: this.#options.onEvent,
      });
      this.#mirrored.set(key, store);
    }
    return store;
  }

  /** Whether the registry lets this user in. UNAUTHORIZED when it refuses the credentials. */
  async checkAccess(registry: string, options: IoOptions = {}): Promise<void> {
    if (!isRegistry(registry)) throw failure('USAGE', 'log in to', registry, 'not a registry host');
    const insecure = this.#options.registries?.isInsecure(registry) ?? false;
    const { endpoint, send } = this.#registry(registry, 'named', insecure);
    await checkAccess(send, endpoint, options);
  }

  /** Closes the idle connections; the process ends without it too. */
  close(): void {
    this.#transport.close();
  }

  #places(registry: string, repository: string): Places {
    if (!isRegistry(registry) || !isRepository(repository)) {
      throw failure('USAGE', 'open', `${registry}/${repository}`, 'not a repository of a registry');
    }
    const itself = { registry, repository, insecure: false };
    const places = this.#options.registries?.places(registry, repository);
    return places ?? { mirrors: [], primary: itself, target: itself };
  }

  #store({ registry, repository, insecure }: Place, role: Role): RegistryStore {
    const key = `${role} ${insecure} ${registry}/${repository}`;
    let store = this.#stores.get(key);
    if (store === undefined) {
      const { onEvent, pace } = this.#options;
      const attempts = this.#attempts(role);
      const known = this.#registry(registry, role, insecure);
      const uploads = this.#uploads;
      store = new RegistryStore(
        new RepositorySession({ repository, ...known, onEvent, pace, attempts, uploads }),
      );
      this.#stores.set(key, store);
    }
    return store;
  }

  /** Few for a mirror: there is another place to ask when it does not answer. */
  #attempts(role: Role): number {
    const { retries } = this.#options;
    const attempts = retries === undefined ? limits.attempts : retries + 1;
    return role === 'named' ? attempts : Math.min(attempts, limits.mirrorAttempts);
  }

  /** transport → redirects → authentication → endpoint → retry. */
  #registry(name: string, role: Role, insecure: boolean): Registry {
    const key = `${role} ${insecure} ${name}`;
    const known = this.#registries.get(key);
    if (known) return known;
    const { onEvent, pace, tlsVerify, credential } = this.#options;
    const endpoint = new Endpoint(name, {
      tlsVerify: tlsVerify ?? (insecure ? false : undefined),
      hasCertificates: async () => (await this.#hostTls(name)) !== undefined,
    });
    const retry = { registry: name, onEvent, pace, attempts: this.#attempts(role) };
    const plain = withRedirects(
      tlsVerify === false ? trustingAll(this.#transport.send) : this.#transport.send,
    );
    const fixed = credential === 'anonymous' ? undefined : credential;
    const authenticated = withAuth(plain, {
      endpoint,
      credentials: role === 'named' && credential !== undefined ? async () => fixed : this.#credentials,
      tokenSend: withRetry(plain, retry),
      onEvent,
    });
    const registry = { endpoint, habits: {}, send: withRetry(withEndpoint(authenticated, endpoint), retry) };
    this.#registries.set(key, registry);
    return registry;
  }
}

/** The user asked not to verify: that covers token services and storage hosts, which are seldom named. */
function trustingAll(send: Send): Send {
  return async (request) => await send({ ...request, insecure: true });
}
