import { isFailure } from '../../lib/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { discard, type HttpRequest, type HttpResponse, type Send } from './http.ts';
import { codeOf, isNotTls, isReset } from './network-failure.ts';

/** Sends a registry's requests to the origin where it answers, learning on the first whether that is plain HTTP or TLS. */
export function withEndpoint(send: Send, endpoint: Endpoint): Send {
  return async (request) => {
    if (!endpoint.has(request.url)) return await send(request);
    await endpoint.prepare();
    const { current, alternative } = endpoint;
    const first = at(current, request, endpoint);
    if (alternative === undefined) return await send(first);
    let answer: HttpResponse | undefined;
    let reason: unknown;
    try {
      answer = await send(first);
    } catch (error) {
      if (!speaksAnother(error, current)) throw error;
      reason = error;
    }
    if (answer !== undefined && !wantsTls(answer, current)) {
      endpoint.settle(current);
      return answer;
    }
    try {
      const response = await send(at(alternative, request, endpoint));
      endpoint.settle(alternative);
      if (answer !== undefined) discard(answer);
      return response;
    } catch (error) {
      if (!speaksAnother(error, alternative)) throw error;
      // It speaks neither: what the likelier one said is the better message.
      if (answer === undefined) throw reason;
      endpoint.settle(current);
      return answer;
    }
  };
}

function at(origin: URL, request: HttpRequest, endpoint: Endpoint): HttpRequest {
  const url = new URL(origin);
  url.pathname = request.url.pathname;
  url.search = request.url.search;
  return { ...request, url, insecure: endpoint.insecure };
}

/** How servers answer plain HTTP on their TLS port: Go's net/http, nginx and Apache all say 400 and name HTTPS in the text. */
function wantsTls(response: HttpResponse, origin: URL): boolean {
  return (
    origin.protocol === 'http:' &&
    response.status === 400 &&
    response.headers['docker-distribution-api-version'] === undefined &&
    !(response.headers['content-type'] ?? '').includes('json')
  );
}

function speaksAnother(error: unknown, origin: URL): boolean {
  if (!isFailure(error, 'NETWORK')) return false;
  if (origin.protocol === 'https:')
    return isNotTls(error) || isReset(error) || codeOf(error) === 'ECONNREFUSED';
  // A TLS server hangs up on plain HTTP, or its alert is no HTTP answer.
  return isReset(error) || codeOf(error).startsWith('HPE_');
}
