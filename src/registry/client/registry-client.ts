import { failure } from '../../lib/errors.ts';
import { isRegistry, isRepository } from '../../oci/reference.ts';
import type { CredentialSource } from './auth/credential.ts';
import { dockerCredentials } from './auth/docker-config.ts';
import { withAuth } from './auth/with-auth.ts';
import { endpointOf } from './endpoint.ts';
import type { OnRegistryEvent } from './events.ts';
import type { Send } from './http.ts';
import { withRedirects } from './redirect.ts';
import { RegistryStore } from './registry-store.ts';
import { RepositorySession } from './repository-session.ts';
import { withRetry } from './retry.ts';
import { createTransport, type Transport } from './transport.ts';

export interface RegistryClientOptions {
  /** Who the user is, by registry. Default: Docker's config.json and credential helpers. */
  readonly credentials?: CredentialSource | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Factor of every wait between tries: tests make it small. Default 1. */
  readonly pace?: number | undefined;
}

/** Connections, tokens and credentials of one run, shared by all its repositories. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #credentials: CredentialSource;
  readonly #transport: Transport = createTransport();
  readonly #registries = new Map<string, Send>();

  constructor(options: RegistryClientOptions = {}) {
    this.#options = options;
    this.#credentials = options.credentials ?? dockerCredentials();
  }

  /** `registry` and `repository` as `parseReference` gives them. No request is made until one is needed. */
  repository(registry: string, repository: string): RegistryStore {
    if (!isRegistry(registry) || !isRepository(repository)) {
      throw failure('USAGE', 'open', `${registry}/${repository}`, 'not a repository of a registry');
    }
    const { onEvent, pace } = this.#options;
    const endpoint = endpointOf(registry);
    const send = this.#sender(registry, endpoint);
    return new RegistryStore(new RepositorySession({ registry, repository, endpoint, send, onEvent, pace }));
  }

  /** Closes the idle connections; the process ends without it too. */
  close(): void {
    this.#transport.close();
  }

  /** transport → redirects → authentication → retry. */
  #sender(registry: string, endpoint: URL): Send {
    const known = this.#registries.get(registry);
    if (known) return known;
    const { onEvent, pace } = this.#options;
    const retry = { registry, onEvent, pace };
    const plain = withRedirects(this.#transport.send);
    const authenticated = withAuth(plain, {
      registry,
      endpoint,
      credentials: this.#credentials,
      tokenSend: withRetry(plain, retry),
    });
    const send = withRetry(authenticated, retry);
    this.#registries.set(registry, send);
    return send;
  }
}
