import { parentPort } from 'node:worker_threads';
import { abortReason, PolyarchError } from '../../lib/errors.ts';
import { doLayerJob, type LayerJob } from './layer-jobs.ts';
import type { WireError } from './protocol.ts';
import { toWireError } from './wire-error.ts';

/** A thread that works on layers' files, one job at a time: the calls are synchronous and would stop the keeper's event loop. */

export type ToWorker = { readonly type: 'job'; readonly job: LayerJob } | { readonly type: 'cancel' };

export type FromWorker =
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: WireError };

let controller = new AbortController();

async function work(job: LayerJob): Promise<void> {
  controller = new AbortController();
  const { signal } = controller;
  let answer: FromWorker;
  try {
    answer = { type: 'done', result: await doLayerJob(job, signal) };
  } catch (error) {
    answer = { type: 'failed', error: toWireError(signal.aborted ? abortReason(signal) : error) };
  }
  parentPort?.postMessage(answer);
}

parentPort?.on('message', (message: ToWorker) => {
  if (message.type === 'job') void work(message.job);
  else controller.abort(new PolyarchError('INTERRUPTED', 'Interrupted'));
});
