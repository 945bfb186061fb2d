import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { failure, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import { doLayerJob, type LayerJob, type LayerJobResults } from './layer-jobs.ts';
import type { FromWorker, ToWorker } from './layer-worker.ts';
import { fromWireError } from './wire-error.ts';

/** More side by side wins nothing: the disk is one. */
const maxWorkers = 4;

/** Threads for layers' files, started when they are first needed and kept; idle ones keep no process from its end. */
export class LayerWorkers {
  readonly #pool = new Pool(Math.min(maxWorkers, availableParallelism()));
  readonly #idle: Worker[] = [];

  /** `inline`: on this thread, for jobs that take less time than a thread to start. */
  async run<J extends LayerJob>(
    job: J,
    signal: AbortSignal,
    { inline }: { readonly inline: boolean },
  ): Promise<LayerJobResults[J['kind']]> {
    if (inline) return (await doLayerJob(job, signal)) as LayerJobResults[J['kind']];
    return await this.#pool.run(async () => {
      throwIfAborted(signal);
      const worker = this.#idle.pop() ?? new Worker(new URL('./layer-worker.ts', import.meta.url));
      worker.ref();
      const answer = await exchange(worker, job, signal);
      worker.unref();
      this.#idle.push(worker);
      if (answer.type === 'failed') throw fromWireError(answer.error);
      return answer.result as LayerJobResults[J['kind']];
    });
  }
}

/** Waits for the answer after a cancel too: only then is nobody writing any more. */
function exchange(worker: Worker, job: LayerJob, signal: AbortSignal): Promise<FromWorker> {
  return new Promise((resolve, reject) => {
    const send = (message: ToWorker): void => worker.postMessage(message);
    const cancel = (): void => send({ type: 'cancel' });
    const settle = (): void => {
      signal.removeEventListener('abort', cancel);
      worker.off('message', done);
      worker.off('error', broken);
    };
    const done = (answer: FromWorker): void => {
      settle();
      resolve(answer);
    };
    const broken = (error: unknown): void => {
      settle();
      reject(failure('KEEPER', job.kind, 'layer', `its thread ended: ${reasonOf(error)}`, { cause: error }));
    };
    worker.on('message', done);
    worker.on('error', broken);
    signal.addEventListener('abort', cancel, { once: true });
    send({ type: 'job', job });
  });
}
