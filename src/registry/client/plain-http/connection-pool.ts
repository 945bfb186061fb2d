import { Connection } from './connection.ts';

/** Who waits for a connection. */
export type Taker = (connection: Connection) => void;

/** The server may be about to close a connection at the end of the time that it gives. */
const idleMarginMs = 1000;

/** The connections to one server: at most `limit` at a time, in the order of asking; the one used last is used first. */
export class ConnectionPool {
  readonly #host: string;
  readonly #port: number;
  readonly #limit: number;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting: Taker[] = [];

  constructor(url: URL, limit: number) {
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#port = Number(url.port || 80);
    this.#limit = limit;
  }

  /** Calls `taker`, later, with a connection that is its own until `release`, or until it is closed. */
  take(taker: Taker): void {
    this.#waiting.push(taker);
    process.nextTick(() => this.#serve());
  }

  /** For a taker that was not called yet. */
  forget(taker: Taker): void {
    const at = this.#waiting.indexOf(taker);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** `idleMs`: how long the server keeps it, where it says so. */
  release(connection: Connection, idleMs: number | undefined): void {
    connection.served++;
    connection.user = undefined;
    if (connection.socket.destroyed) return;
    connection.idleUntil =
      idleMs === undefined ? Number.POSITIVE_INFINITY : process.uptime() + (idleMs - idleMarginMs) / 1000;
    connection.socket.unref();
    connection.socket.resume();
    this.#idle.push(connection);
    this.#serve();
  }

  close(): void {
    for (const connection of this.#all) connection.socket.destroy();
  }

  #serve(): void {
    for (;;) {
      if (this.#waiting.length === 0) return;
      const connection = this.#idle.pop() ?? this.#open();
      if (connection === undefined) return;
      if (connection.socket.destroyed) continue;
      if (connection.idleUntil < process.uptime()) {
        connection.socket.destroy();
        continue;
      }
      connection.socket.ref();
      this.#waiting.shift()?.(connection);
    }
  }

  #open(): Connection | undefined {
    if (this.#all.size >= this.#limit) return undefined;
    const connection = new Connection(this.#host, this.#port);
    this.#all.add(connection);
    connection.socket.once('close', () => {
      this.#all.delete(connection);
      const at = this.#idle.indexOf(connection);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#serve();
    });
    return connection;
  }
}
