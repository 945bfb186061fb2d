import { abortReason, failure, type PolyarchError, throwIfAborted } from '../../lib/errors.ts';
import { encodeJson, type Frame, FrameReader } from './frames.ts';
import type { RunOptions } from './keeper-client.ts';
import type { KeeperProcess } from './keeper-process.ts';
import type { FromKeeper, KeeperCall, KeeperCalls, KeeperEvent, KeeperReport, ToKeeper } from './protocol.ts';
import { fromWireError } from './wire-error.ts';

interface Pending {
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly options: RunOptions;
}

/** Time to kill programs, unmount and delete after the end of a build. */
const tidyMilliseconds = 15_000;

/** The main process's end of the descriptor: calls by id, side by side, until the process ends. */
export class Channel {
  /** Resolves when the keeper can take requests. */
  readonly ready: Promise<KeeperReport>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  readonly #process: KeeperProcess;
  readonly #onEvent: ((event: KeeperEvent) => void) | undefined;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #reason: PolyarchError | undefined;
  #closing = false;
  #killer: NodeJS.Timeout | undefined;
  #becomeReady: (report: KeeperReport) => void = () => {};
  #failReady: (error: unknown) => void = () => {};

  constructor(
    process: KeeperProcess,
    options: { readonly onEvent?: ((event: KeeperEvent) => void) | undefined },
  ) {
    this.#process = process;
    this.#onEvent = options.onEvent;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => {
      process.child.once('close', (code, signal) => {
        clearTimeout(this.#killer);
        const words = process.lastWords().trim().split('\n').at(-1);
        this.#fail(
          failure('KEEPER', 'work in', 'keeper', `it ended (${signal ?? code})${words ? `: ${words}` : ''}`),
        );
        resolve();
      });
    });
    const reader = new FrameReader();
    process.channel.on('data', (bytes: Buffer) => {
      try {
        for (const frame of reader.push(bytes)) this.#receive(frame);
      } catch (error) {
        void this.close(error as PolyarchError);
      }
    });
  }

  call<C extends KeeperCall>(
    call: C,
    request: KeeperCalls[C]['request'],
    options: RunOptions = {},
  ): Promise<KeeperCalls[C]['response']> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      if (this.#reason !== undefined || this.#closing) {
        throw this.#reason ?? failure('KEEPER', call, 'keeper', 'it is closed');
      }
      const id = this.#nextId++;
      // The answer to a cancelled call comes when its programs are gone: only then is it over.
      const cancel = (): void => this.#send({ type: 'cancel', id });
      signal?.addEventListener('abort', cancel, { once: true });
      const settle = (): void => {
        signal?.removeEventListener('abort', cancel);
        this.#pending.delete(id);
      };
      this.#pending.set(id, {
        options,
        resolve: (response) => {
          settle();
          resolve(response as KeeperCalls[C]['response']);
        },
        reject: (error) => {
          settle();
          reject(signal?.aborted ? abortReason(signal) : error);
        },
      });
      this.#send({ type: 'call', id, call, request });
    });
  }

  /** Ends the process: it sees the end of file, and with it every process and mount of its namespaces goes. */
  close(reason?: PolyarchError): Promise<void> {
    this.#closing = true;
    if (reason !== undefined) this.#fail(reason);
    this.#process.channel.end();
    this.#process.channel.resume();
    // It kills its programs and tidies up by itself; one that cannot is killed, with the same end for them.
    this.#killer ??= setTimeout(() => this.#process.child.kill('SIGKILL'), tidyMilliseconds);
    return this.ended;
  }

  #send(message: ToKeeper): void {
    this.#process.channel.write(encodeJson(message));
  }

  #receive(frame: Frame): void {
    if (frame.kind !== 'json') {
      const options = this.#pending.get(frame.id)?.options;
      options?.[frame.kind]?.(frame.bytes);
      return;
    }
    const message = frame.value as FromKeeper;
    switch (message.type) {
      case 'ready':
        this.#becomeReady(message);
        break;
      case 'unfit':
        void this.close(fromWireError(message.error));
        break;
      case 'event':
        this.#onEvent?.(message.event);
        break;
      case 'result':
        this.#pending.get(message.id)?.resolve(message.response);
        break;
      case 'failed':
        this.#pending.get(message.id)?.reject(fromWireError(message.error));
        break;
    }
  }

  /** The first reason counts. */
  #fail(reason: PolyarchError): void {
    this.#reason ??= reason;
    this.#failReady(this.#reason);
    for (const pending of [...this.#pending.values()]) pending.reject(this.#reason);
  }
}
