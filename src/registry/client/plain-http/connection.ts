import { connect, type Socket } from 'node:net';
import { chunkBytes, giveBack, takeChunk } from '../../../lib/chunk-pool.ts';

/** A piece of a chunk that is smaller is copied, so that a slow sender's few bytes do not hold whole chunks. */
const wholePieceBytes = chunkBytes / 8;

/** Who listens to a connection: the request that has it, or the pool while it is idle. */
export interface ConnectionUser {
  /** Bytes that came, the user's to keep or to give back to the pool of chunks. False holds further ones back until the socket's `resume`. */
  gotBytes(bytes: Buffer): boolean;
  /** It is gone; `error` when it broke, undefined when the other side ended it in order. */
  lostConnection(error: Error | undefined): void;
}

/** One TCP connection to a server; it serves one user at a time. */
export class Connection {
  readonly socket: Socket;
  /** Requests that were answered over it. */
  served = 0;
  /** `process.uptime()` from when on the server may close it: `performance` is nine modules to load. */
  idleUntil = Number.POSITIVE_INFINITY;
  user: ConnectionUser | undefined;
  #chunk = takeChunk();
  #error: Error | undefined;

  constructor(host: string, port: number) {
    this.socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 1000,
      onread: { buffer: () => this.#chunk, callback: (bytes) => this.#read(bytes) },
    });
    this.socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.socket.on('close', () => {
      giveBack(this.#chunk);
      this.user?.lostConnection(this.#error);
    });
  }

  #read(bytes: number): boolean {
    if (this.user === undefined || this.socket.destroyed) {
      // Nobody asked: whatever it is, the next answer would not be the next request's.
      this.socket.destroy();
      return false;
    }
    let piece = this.#chunk.subarray(0, bytes);
    if (bytes < wholePieceBytes) piece = Buffer.from(piece);
    else this.#chunk = takeChunk();
    return this.user.gotBytes(piece);
  }
}
