import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { http } from '../../lib/node-http.ts';
import { DiskRepositories } from './disk-repositories.ts';
import { listenerFor } from './listener.ts';
import { registryHandler } from './registry-handler.ts';
import { type Repositories, type RepositoryStore, repositoriesFrom } from './repositories.ts';
import { UploadSessions } from './upload-sessions.ts';

/** Header bytes of one request. */
const maxHeaderBytes = 16 * 1024;
/** Time for a request's headers; its body may take as long as it moves. */
const headersMillis = 60_000;
/** A connection on which nothing moves for so long is cut, in the middle of a body too. */
const silentMillis = 5 * 60_000;
/** Longer than clients' pools keep a connection, so that they close first and never send into a closing one. */
const keepAliveMillis = 75_000;
/** What requests under way get to finish when the registry closes. */
const defaultGraceMillis = 10_000;
const expiryMillis = 60 * 60_000;

export type RegistryOptions = {
  /** Default 127.0.0.1. */
  address?: string;
  /** Default 0: a free one. */
  port?: number;
  /** Closes the registry when it is aborted. */
  signal?: AbortSignal | undefined;
  /** Default 10 s. */
  graceMillis?: number;
  onError?: ((error: unknown) => void) | undefined;
} & (
  | { /** Directory of the data; made when missing. */ root: string }
  | { /** The store behind each repository's name. */ store: (name: string) => RepositoryStore }
);

export interface RunningRegistry {
  /** `http://127.0.0.1:5000`, without a slash at the end. */
  readonly url: string;
  /** `127.0.0.1:5000`, as it stands in a reference. */
  readonly host: string;
  readonly port: number;
  /** Takes no more connections, lets requests under way finish for the grace time, then cuts them. */
  close(): Promise<void>;
}

/** Starts a registry and resolves when it listens. STORE or NETWORK when the directory or the address cannot be had. */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  throwIfAborted(options.signal);
  const { repositories, discard } = await repositoriesOf(options);
  const uploads = new UploadSessions(repositories.uploads);
  await uploads.expire();
  const handler = registryHandler(repositories, uploads, { onError: options.onError });
  // requestTimeout covers a whole body: any limit would answer a slow push with 408.
  const server = http.createServer(
    {
      requestTimeout: 0,
      headersTimeout: headersMillis,
      keepAliveTimeout: keepAliveMillis,
      maxHeaderSize: maxHeaderBytes,
      noDelay: true,
      highWaterMark: 256 * 1024,
    },
    listenerFor(handler),
  );
  server.setTimeout(silentMillis);
  const address = options.address ?? '127.0.0.1';
  try {
    await listen(server, address, options.port ?? 0);
  } catch (error) {
    await discard();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const expiry = setInterval(() => {
    uploads.expire().catch((error: unknown) => options.onError?.(error));
  }, expiryMillis);
  expiry.unref();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      clearInterval(expiry);
      options.signal?.removeEventListener('abort', onAbort);
      await closeServer(server, options.graceMillis ?? defaultGraceMillis);
      await discard();
    })();
    return closing;
  };
  const onAbort = (): void => {
    close().catch((error: unknown) => options.onError?.(error));
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const host = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return { url: `http://${host}`, host, port, close };
}

async function repositoriesOf(
  options: RegistryOptions,
): Promise<{ repositories: Repositories; discard: () => Promise<void> }> {
  if ('root' in options)
    return { repositories: await DiskRepositories.open(options.root), discard: async () => {} };
  const spool = await mkdtemp(join(tmpdir(), 'polyarch-uploads-'));
  return {
    repositories: repositoriesFrom(options.store, spool),
    discard: async () => await rm(spool, { recursive: true, force: true }),
  };
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, address, resolve);
  try {
    await promise;
  } catch (error) {
    throw failure('NETWORK', 'listen on', `${address}:${port}`, reasonOf(error), {
      cause: error,
      hint: 'port 0 picks a free port',
    });
  } finally {
    server.off('error', reject);
  }
}

async function closeServer(server: Server, graceMillis: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMillis);
  await promise;
  clearTimeout(cut);
}
