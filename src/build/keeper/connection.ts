import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { PolyarchError } from '../../lib/errors.ts';
import { encodeChunk, encodeJson, FrameReader } from './frames.ts';
import type { FromKeeper, KeeperCall, KeeperCalls, ToKeeper } from './protocol.ts';
import { toWireError } from './wire-error.ts';

export interface CallContext {
  /** Aborted by a cancel from the other side, and by its end. */
  readonly signal: AbortSignal;
  /** Sends a program's output; waits while the other side is slow. */
  readonly output: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
}

export type Handlers = {
  readonly [C in KeeperCall]: (
    request: KeeperCalls[C]['request'],
    context: CallContext,
  ) => Promise<KeeperCalls[C]['response']>;
};

/** The keeper's end of the descriptor: runs the handlers side by side. */
export class Connection {
  /** Resolves when the other side is gone and every call is over. */
  readonly ended: Promise<void>;
  readonly #stream: Duplex;
  readonly #handlers: Handlers;
  readonly #running = new Map<
    number,
    { readonly controller: AbortController; readonly done: Promise<void> }
  >();

  constructor(stream: Duplex, handlers: Handlers) {
    this.#stream = stream;
    this.#handlers = handlers;
    stream.on('error', () => {});
    const reader = new FrameReader();
    stream.on('data', (bytes: Buffer) => {
      try {
        for (const frame of reader.push(bytes))
          if (frame.kind === 'json') this.#receive(frame.value as ToKeeper);
      } catch {
        // Another side that does not keep to the protocol is none.
        stream.destroy();
      }
    });
    this.ended = once(stream, 'close').then(() => this.#finish());
    stream.on('end', () => stream.destroy());
  }

  send(message: FromKeeper): void {
    if (!this.#stream.destroyed) this.#stream.write(encodeJson(message));
  }

  #receive(message: ToKeeper): void {
    if (message.type === 'cancel') {
      this.#running.get(message.id)?.controller.abort(interrupted());
      return;
    }
    const { id, call, request } = message;
    const controller = new AbortController();
    const done = this.#handle(id, call, request, controller.signal).finally(() => this.#running.delete(id));
    this.#running.set(id, { controller, done });
  }

  async #handle(id: number, call: KeeperCall, request: unknown, signal: AbortSignal): Promise<void> {
    try {
      if (!Object.hasOwn(this.#handlers, call))
        throw new PolyarchError('KEEPER', `Cannot do "${call}": no such request`);
      const handler = this.#handlers[call] as (request: unknown, context: CallContext) => Promise<unknown>;
      const response = await handler(request, { signal, output: (...chunk) => this.#chunk(id, ...chunk) });
      this.send({ type: 'result', id, response });
    } catch (error) {
      this.send({ type: 'failed', id, error: toWireError(error) });
    }
  }

  #chunk(id: number, stream: 'stdout' | 'stderr', bytes: Buffer): void | Promise<void> {
    if (this.#stream.destroyed || this.#stream.write(encodeChunk(stream, id, bytes))) return;
    return new Promise((resolve) => {
      const go = (): void => {
        this.#stream.off('drain', go);
        this.#stream.off('close', go);
        resolve();
      };
      this.#stream.once('drain', go);
      this.#stream.once('close', go);
    });
  }

  async #finish(): Promise<void> {
    for (const { controller } of this.#running.values()) controller.abort(interrupted());
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }
}

function interrupted(): PolyarchError {
  return new PolyarchError('INTERRUPTED', 'Interrupted');
}
