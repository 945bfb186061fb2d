import type { BuildEvent } from '../app/build.ts';
import { printable, printableOutput } from '../lib/redact.ts';
import { describeCollected } from './describe-collected.ts';
import { describeKeeper } from './describe-keeper.ts';
import { describeLeftOut } from './describe-left-out.ts';
import type { ProgressRenderer } from './progress-renderer.ts';
import { renderTransferEvent } from './render-transfer-event.ts';
import { stepLabel } from './step-label.ts';
import { announcedWait } from './waits.ts';

/** Longest piece that waits for the end of its line: a program may write gigabytes without one. */
const maxPartial = 16 * 1024;

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`;
}

/** Lines that only ever grow: `#3 [linux/arm64 2/4] RUN make`, `#3 0.5 output`, `#3 DONE 1.2s`. */
export class PlainProgress implements ProgressRenderer {
  readonly #out: { write(text: string): unknown };
  readonly #numbers = new Map<string, number>();
  readonly #started = new Map<string, number>();
  readonly #partial = new Map<string, string>();

  constructor(out: { write(text: string): unknown }) {
    this.#out = out;
  }

  onEvent(event: BuildEvent): void {
    switch (event.type) {
      case 'step-started':
        this.#started.set(event.id, performance.now());
        this.#line(event.id, stepLabel(event.steps));
        break;
      case 'step-cached':
        this.#line(event.id, 'CACHED');
        break;
      case 'step-done':
        this.#flush(event.id);
        this.#line(event.id, `DONE ${seconds(event.milliseconds)}`);
        break;
      case 'step-canceled':
        this.#flush(event.id);
        this.#line(event.id, 'CANCELED');
        break;
      case 'step-failed':
        this.#flush(event.id);
        this.#line(event.id, `ERROR: ${printable(event.message)}`);
        break;
      case 'output':
        this.#output(event.id, event.text);
        break;
      case 'warning':
        this.#say(`warning: ${event.warning.rule}: ${event.warning.message} (line ${event.warning.line})`);
        break;
      case 'image':
        this.#say(`image ${event.manifest.digest}`);
        break;
      case 'keeper-started':
        for (const line of describeKeeper(event)) this.#say(line);
        break;
      case 'platform-left-out':
        for (const line of describeLeftOut(event)) this.#say(line);
        break;
      case 'cache-unusable':
        this.#say(`warning: cache ${event.cache}: ${event.message}`);
        break;
      case 'cache-collected':
        this.#say(describeCollected(event));
        break;
      case 'retry':
        this.#say(announcedWait(renderTransferEvent(event), event.delayMs));
        break;
      case 'resume':
      case 'registry-warning':
        this.#say(renderTransferEvent(event));
        break;
      case 'cache-imported':
      case 'cache-exported':
      case 'planned':
      case 'layer-fetch':
      case 'exported':
      case 'blob':
        break;
    }
  }

  close(): void {
    for (const id of this.#partial.keys()) this.#flush(id);
  }

  #say(line: string): void {
    this.#out.write(`${printable(line)}\n`);
  }

  #line(id: string, text: string): void {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(id, number);
    }
    this.#out.write(`#${number} ${text}\n`);
  }

  #output(id: string, text: string): void {
    const lines = ((this.#partial.get(id) ?? '') + text).split(/\r?\n/);
    const rest = lines.at(-1) ?? '';
    if (rest.length < maxPartial) this.#partial.set(id, lines.pop() ?? '');
    else this.#partial.delete(id);
    const time = ((performance.now() - (this.#started.get(id) ?? performance.now())) / 1000).toFixed(2);
    for (const line of lines) this.#line(id, `${time} ${printableOutput(line)}`);
  }

  #flush(id: string): void {
    const rest = this.#partial.get(id);
    this.#partial.delete(id);
    if (rest) this.#line(id, printableOutput(rest));
  }
}
