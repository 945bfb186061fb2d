import type { BuildEvent } from '../app/build.ts';
import { jsonText } from './format.ts';
import type { ProgressRenderer } from './progress-renderer.ts';

/** Raised when a field of an event changes its meaning. */
const version = 1;

/** One JSON object a line: `{"version":1,"time":…,"type":…}`. */
export class JsonProgress implements ProgressRenderer {
  readonly #out: { write(text: string): unknown };

  constructor(out: { write(text: string): unknown }) {
    this.#out = out;
  }

  onEvent(event: BuildEvent): void {
    this.#out.write(`${jsonText({ version, time: new Date().toISOString(), ...plain(event) })}\n`);
  }

  close(): void {}
}

/** An error's message is no field that JSON would show. */
function plain(event: BuildEvent): object {
  if (event.type !== 'platform-left-out') return event;
  const { code, message, hint, excerpt, output } = event.error;
  return { ...event, error: { code, message, hint, excerpt, output } };
}
