import type { IncomingHttpHeaders } from 'node:http';

/** What answers does not speak HTTP/1.1, or speaks it so that two readers could see two answers. */
export class NotHttp extends Error {
  readonly code = 'NOT_HTTP';
  constructor(what: string) {
    super(`its answer is no valid HTTP: ${what}`);
  }
}

/** How a body ends: after so many bytes, by its chunks, or with the connection. */
export type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' | 'close' };

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names; values of one name joined as node:http joins them. */
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  /** Whether the connection may carry another request, and for how many milliseconds it may lie idle when the server says so. */
  readonly keepAlive: boolean;
  readonly idleMs: number | undefined;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const field = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
/** Of these node:http, too, takes the first. */
const single = new Set(['content-type', 'etag', 'last-modified', 'location', 'retry-after', 'server']);

/**
 * Reads the head of an answer to `method`, up to its empty line and without it (RFC 9112, sections 4 to 6). Strict: no folded lines, no bare CR or LF, one length
 * that is not beside chunks. Throws NotHttp.
 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = statusLine.exec(first);
  if (status === null) throw new NotHttp('no status line');
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines) {
    const match = field.exec(line);
    if (match === null) throw new NotHttp('a bad header line');
    const [name, value] = [(match[1] ?? '').toLowerCase(), (match[2] ?? '').trimEnd()];
    const before = headers[name];
    if (name === 'set-cookie') headers[name] = [...((before as string[] | undefined) ?? []), value];
    else if (before === undefined) headers[name] = value;
    else if (name === 'content-length') throw new NotHttp('two lengths');
    else if (!single.has(name)) headers[name] = `${before}, ${value}`;
  }
  const code = Number(status[2]);
  const said = headers as IncomingHttpHeaders;
  const framing = framingOf(code, said, method);
  return {
    status: code,
    headers: said,
    framing,
    keepAlive:
      status[1] === '1' &&
      framing.kind !== 'close' &&
      !/(?:^|,)\s*close\s*(?:,|$)/i.test(said.connection ?? ''),
    idleMs: idleMsOf(said['keep-alive']),
  };
}

function framingOf(status: number, headers: IncomingHttpHeaders, method: string): Framing {
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new NotHttp('a bad length');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new NotHttp('an unknown transfer encoding');
  if (coding !== undefined && length !== undefined) throw new NotHttp('a length beside chunks');
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return { kind: 'length', bytes: 0 };
  if (coding !== undefined) return { kind: 'chunked' };
  return length === undefined ? { kind: 'close' } : { kind: 'length', bytes: Number(length) };
}

/** `timeout=5` of Keep-Alive. */
function idleMsOf(text: string | string[] | undefined): number | undefined {
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(String(text ?? ''))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
