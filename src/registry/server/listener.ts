import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Handler, RegistryResponse } from './message.ts';

/** A handler behind node:http: the one place that knows sockets. */
export function listenerFor(handler: Handler): RequestListener {
  return (incoming, outgoing) => {
    serve(handler, incoming, outgoing).catch(() => {
      // The client is gone, or the body that it was sent broke: cutting the connection is the only honest end.
      outgoing.destroy();
    });
  };
}

async function serve(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const controller = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  const response = await handler({
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    headers: incoming.headers,
    body: incoming,
    signal: controller.signal,
  });
  outgoing.writeHead(response.status, {
    'docker-distribution-api-version': 'registry/2.0',
    ...response.headers,
  });
  await send(response, incoming.method === 'HEAD', outgoing);
}

async function send(response: RegistryResponse, isHead: boolean, outgoing: ServerResponse): Promise<void> {
  const { body } = response;
  if (body === undefined || isHead) {
    if (body && !Buffer.isBuffer(body)) body.destroy();
    outgoing.end();
  } else if (Buffer.isBuffer(body)) outgoing.end(body);
  else await pipeline(body as Readable, outgoing);
}
