import type { IncomingHttpHeaders } from 'node:http';
import type { HttpResponse } from './http.ts';
import { withRedirects } from './redirect.ts';
import { withRetry } from './retry.ts';
import { createTransport } from './transport.ts';
import { watchedBody } from './watched-body.ts';

export interface Download {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read, or ended with `cancel`. */
  readonly body: AsyncIterable<Buffer>;
  cancel(): void;
}

export interface Downloader {
  /** Any status is an answer; NETWORK when there is none after retries. A user and password in the URL are sent to its own origin only. */
  get(
    url: URL,
    options: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<Download>;
  close(): void;
}

/** Gets files that no registry has, over the same connections, proxies, redirects and retries. */
export function createDownloader(options: { readonly env?: NodeJS.ProcessEnv | undefined }): Downloader {
  const transport = createTransport(options);
  return {
    async get(url, { headers, signal }) {
      const send = withRedirects(withRetry(transport.send, { registry: url.host }));
      const response: HttpResponse = await send({ method: 'GET', url, headers, signal });
      return {
        status: response.status,
        headers: response.headers,
        body: watchedBody(response, signal),
        cancel() {
          response.body.on('error', () => {});
          response.body.destroy();
        },
      };
    },
    close: () => transport.close(),
  };
}
