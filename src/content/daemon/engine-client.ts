import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { abortReason, failure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import { redactText } from '../../lib/redact.ts';
import { collect } from '../read-manifest.ts';
import type { IoOptions } from '../store.ts';

/** What an engine says of an error, or of a load, at most. */
const maxAnswerBytes = 1024 * 1024;
const maxCertificateBytes = 1024 * 1024;
const defaultHost = 'unix:///var/run/docker.sock';

/** A Docker engine over its API (moby api/docs). Paths have no version: the engine's own then. */
export class EngineClient {
  /** As `DOCKER_HOST` has it. */
  readonly host: string;
  readonly #env: NodeJS.ProcessEnv;

  /** USAGE or UNSUPPORTED when the environment names no engine that can be reached from here. */
  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#env = env;
    this.host = env.DOCKER_HOST || defaultHost;
    const context = env.DOCKER_CONTEXT;
    if (!env.DOCKER_HOST && context && context !== 'default') {
      throw failure('UNSUPPORTED', 'use docker context', context, 'contexts are not read', {
        hint: `export DOCKER_HOST=$(docker context inspect ${context} --format '{{.Endpoints.docker.Host}}')`,
      });
    }
    if (!/^(?:unix|tcp|http|https):\/\/./.test(this.host)) {
      throw failure('UNSUPPORTED', 'use DOCKER_HOST', redactText(this.host), 'only unix:// and tcp:// are', {
        hint: 'ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST & export DOCKER_HOST=unix:///tmp/docker.sock',
      });
    }
  }

  /** A tar of one image, by its name or ID, as `docker save` gives it. NOT_FOUND when the engine has none. */
  async save(image: string, options: IoOptions = {}): Promise<Readable> {
    const response = await this.#call('GET', `/images/get?${new URLSearchParams({ names: image })}`, options);
    if (response.statusCode === 200) return response;
    throw await this.#refused(response, 'save', image);
  }

  /** Takes a tar as `docker load` does. `size` in bytes. */
  async load(tar: Readable, size: number, options: IoOptions = {}): Promise<void> {
    const response = await this.#call('POST', '/images/load?quiet=1', { ...options, body: { tar, size } });
    if (response.statusCode !== 200) throw await this.#refused(response, 'load into', this.host);
    // A stream of JSON lines; an error is one of them, after the status.
    for (const line of (await this.#text(response)).split('\n')) {
      const error = errorOf(line);
      if (error !== undefined) {
        throw failure('REGISTRY', 'load into', this.host, `the engine refused it: ${error}`);
      }
    }
  }

  async #call(
    method: string,
    path: string,
    options: IoOptions & { body?: { tar: Readable; size: number } },
  ): Promise<IncomingMessage> {
    const { signal, body } = options;
    if (signal?.aborted) throw abortReason(signal);
    const headers: Record<string, string> = body
      ? { 'content-type': 'application/x-tar', 'content-length': String(body.size) }
      : {};
    const outgoing = await this.#open({ method, path, headers });
    const onAbort = (): void => {
      if (signal) outgoing.destroy(abortReason(signal));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once('response', resolve);
        outgoing.once('error', reject);
        if (body) pipeline(body.tar, outgoing).catch(reject);
        else outgoing.end();
      });
    } catch (error) {
      throw this.#unreachable(error);
    } finally {
      outgoing.on('error', () => {});
      // A body that still comes is ended by whoever reads it.
      if (body) signal?.removeEventListener('abort', onAbort);
    }
  }

  async #open(options: RequestOptions): Promise<ClientRequest> {
    const address = this.host.replace(/^unix:\/\//, '');
    if (address !== this.host)
      return request({ ...options, socketPath: address, headers: { ...options.headers, host: 'docker' } });
    const secure = Boolean(this.#env.DOCKER_TLS_VERIFY) || this.host.startsWith('https://');
    const url = URL.parse(this.host.replace(/^[a-z]+:/, secure ? 'https:' : 'http:'));
    if (url === null) throw failure('USAGE', 'use DOCKER_HOST', redactText(this.host), 'not an address');
    const target = {
      ...options,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (secure ? 2376 : 2375),
    };
    if (!secure) return request(target);
    const https = await import('node:https');
    const directory = this.#env.DOCKER_CERT_PATH || join(this.#env.HOME || homedir(), '.docker');
    const file = (name: string) =>
      readFileWithin(join(directory, name), maxCertificateBytes).catch(() => undefined);
    const [ca, cert, key] = await Promise.all([file('ca.pem'), file('cert.pem'), file('key.pem')]);
    return https.request({ ...target, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
  }

  async #text(response: IncomingMessage): Promise<string> {
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes)
        response.destroy(failure('LIMIT', 'read the answer of', this.host, 'too long'));
    });
    return String(await collect(response));
  }

  async #refused(response: IncomingMessage, action: string, thing: string): Promise<PolyarchError> {
    const text = await this.#text(response);
    const said = errorOf(text) ?? redactText(text);
    if (response.statusCode === 404) {
      return failure('NOT_FOUND', action, thing, `the engine has no such image: ${said}`, {
        hint: 'docker images lists what it has',
      });
    }
    return failure('REGISTRY', action, thing, `the engine answered ${response.statusCode}: ${said}`);
  }

  #unreachable(error: unknown): PolyarchError {
    if (error instanceof PolyarchError) return error;
    const { code } = error as NodeJS.ErrnoException;
    const denied = code === 'EACCES';
    return failure('NETWORK', 'reach the Docker engine at', this.host, reasonOf(error), {
      cause: error,
      hint: denied
        ? 'its socket may be used by root and the group docker only'
        : 'start the engine, or say where it is in DOCKER_HOST',
    });
  }
}

/** `{"message":…}` of a refused request, `{"error":…}` of a load. */
function errorOf(line: string): string | undefined {
  try {
    const value = JSON.parse(line) as { message?: unknown; error?: unknown } | null;
    const text = value?.error ?? value?.message;
    return typeof text === 'string' ? redactText(text) : undefined;
  } catch {
    return undefined;
  }
}
