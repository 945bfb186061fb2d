import { channel } from 'node:diagnostics_channel';
import { Writable } from 'node:stream';
import { giveBack } from '../../../lib/chunk-pool.ts';
import { basicAuthorization } from '../auth/credential.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import type { Connection, ConnectionUser } from './connection.ts';
import type { ConnectionPool, Taker } from './connection-pool.ts';
import { PlainResponse } from './plain-response.ts';
import { NotHttp, parseResponseHead, type ResponseHead } from './response-head.ts';

/** As node:http has it. */
const headBytes = 16 * 1024;
/** Answers before the answer: 100 Continue, 103 Early Hints. */
const interimAnswers = 16;

export interface PlainRequestInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * One HTTP/1.1 request over plain TCP, and its answer (RFC 9112); its events and methods are those of node:http's ClientRequest that `exchange` uses. In place of that
 * where nothing is between us and a registry: bytes are read into memory that is used again, and a start loads less.
 */
export class PlainRequest extends Writable implements ConnectionUser {
  readonly protocol = 'http:';
  readonly host: string;
  /** Whether its connection served another request before. */
  reusedSocket = false;
  readonly method: string;
  readonly path: string;
  readonly #pool: ConnectionPool;
  readonly #lines: string;
  readonly #taker: Taker = (connection) => this.#start(connection);
  #connection: Connection | undefined;
  /** What was written before there was a connection. */
  #early: (() => void) | undefined;
  #text = '';
  #interim = 0;
  #head: ResponseHead | undefined;
  #response: PlainResponse | undefined;
  #left = 0;
  #chunks: ChunkedDecoder | undefined;
  #complete = false;

  /** Throws for a header that no request can have. */
  constructor(url: URL, { method, headers }: PlainRequestInit, pool: ConnectionPool) {
    super({ autoDestroy: false, highWaterMark: 256 * 1024 });
    this.host = url.host;
    this.#pool = pool;
    this.method = method;
    this.path = `${url.pathname}${url.search}`;
    const bodyless = method === 'GET' || method === 'HEAD' || method === 'DELETE';
    const all = {
      host: url.host,
      ...(bodyless ? {} : { 'content-length': '0' }),
      ...(url.username === '' ? {} : { authorization: authorizationOf(url) }),
      ...headers,
      connection: 'keep-alive',
    };
    const lines = Object.entries(all).map(([name, value]) => {
      if (!/^[a-z\d-]+$/i.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value))
        throw new TypeError(`a header that cannot be sent: ${name}`);
      return `${name}: ${value}\r\n`;
    });
    this.#lines = `${method} ${this.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
    // Whoever watches a process's requests sees these among node:http's.
    const started = channel('http.client.request.start');
    if (started.hasSubscribers) started.publish({ request: this });
    pool.take(this.#taker);
  }

  #start(connection: Connection): void {
    this.#connection = connection;
    connection.user = this;
    this.reusedSocket = connection.served > 0;
    const { socket } = connection;
    this.emit('socket', socket);
    // The head and a short body in one packet.
    socket.cork();
    socket.write(this.#lines, 'latin1');
    this.#early?.();
    process.nextTick(() => socket.uncork());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const write = (): void => {
      // What fails is told when the connection closes: an answer may have come before.
      this.#connection?.socket.write(chunk, (error) => {
        if (!error) callback();
      });
    };
    if (this.#connection) write();
    else this.#early = write;
  }

  override _final(callback: (error?: Error | null) => void): void {
    const end = (): void => {
      callback();
      this.#settle();
    };
    if (this.#connection) end();
    else this.#early = end;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#pool.forget(this.#taker);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) {
      connection.user = undefined;
      if (this.#complete && this.writableFinished && this.#head?.keepAlive)
        this.#pool.release(connection, this.#head.idleMs);
      else connection.socket.destroy();
    }
    if (!this.#complete) this.#response?.destroy(error ?? aborted());
    callback(error);
  }

  gotBytes(bytes: Buffer): boolean {
    try {
      return this.#receive(bytes);
    } catch (error) {
      this.#fail(error as Error);
      return false;
    }
  }

  lostConnection(error: Error | undefined): void {
    if (this.#complete) return;
    const response = this.#response;
    if (response !== undefined && error === undefined && this.#head?.framing.kind === 'close') {
      this.#end(response);
      return;
    }
    this.#fail(error ?? aborted());
  }

  /** Of a request whose answer has begun the answer breaks. */
  #fail(error: Error): void {
    if (this.#response === undefined) this.destroy(error);
    else {
      this.#response.destroy(error);
      this.destroy();
    }
  }

  #receive(bytes: Buffer): boolean {
    if (this.#response !== undefined) return this.#receiveBody(bytes, this.#response);
    const before = this.#text.length;
    // Few heads come in more than one read; the last three characters may begin the empty line.
    this.#text += bytes.toString('latin1', 0, headBytes + 4);
    const end = this.#text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0 ? this.#text.length > headBytes : end > headBytes) throw new NotHttp('its head is too long');
    if (end < 0) return true;
    const head = parseResponseHead(this.#text.slice(0, end), this.method);
    this.#text = '';
    const rest = bytes.subarray(end + 4 - before);
    if (head.status < 200) {
      if (head.status === 101 || ++this.#interim > interimAnswers)
        throw new NotHttp('an answer that was not asked for');
      return rest.length === 0 || this.#receive(rest);
    }
    return this.#answer(head, rest);
  }

  #answer(head: ResponseHead, rest: Buffer): boolean {
    const { framing } = head;
    this.#head = head;
    const response = new PlainResponse(head, {
      resumed: () => this.#connection?.socket.resume(),
      dropped: () => {
        if (!this.#complete) this.destroy();
      },
    });
    this.#response = response;
    this.#left = framing.kind === 'length' ? framing.bytes : Number.POSITIVE_INFINITY;
    if (framing.kind === 'chunked') {
      // A read may hold several of its chunks: each would give the whole read back.
      this.#chunks = new ChunkedDecoder((data) => response.push(Buffer.from(data)));
    }
    this.emit('response', response);
    if (this.destroyed) return false;
    return this.#receiveBody(rest, response);
  }

  #receiveBody(bytes: Buffer, response: PlainResponse): boolean {
    if (this.#chunks) {
      const used = this.#chunks.decode(bytes);
      giveBack(bytes);
      if (this.#chunks.done) this.#checkRest(bytes.length - used, response);
    } else {
      if (bytes.length > 0 && bytes.length <= this.#left) response.push(bytes);
      this.#left -= bytes.length;
      if (this.#left <= 0) this.#checkRest(-this.#left, response);
    }
    return this.#complete || response.readableLength < response.readableHighWaterMark;
  }

  /** Bytes behind an answer would be taken for the next one's. */
  #checkRest(bytes: number, response: PlainResponse): void {
    if (bytes > 0) throw new NotHttp('more bytes than it says');
    this.#end(response);
  }

  #end(response: PlainResponse): void {
    this.#complete = true;
    response.push(null);
    this.#settle();
  }

  /** Gives the connection back when question and answer are whole. */
  #settle(): void {
    if (!this.#complete) return;
    if (this.writableFinished || this.writableEnded) process.nextTick(() => this.destroy());
  }
}

function authorizationOf({ username, password }: URL): string {
  return basicAuthorization(decodeURIComponent(username), decodeURIComponent(password));
}

function aborted(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}
