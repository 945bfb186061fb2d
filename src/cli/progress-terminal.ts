import type { BuildEvent } from '../app/build.ts';
import { printable } from '../lib/redact.ts';
import { describeCollected } from './describe-collected.ts';
import { describeKeeper } from './describe-keeper.ts';
import { describeLeftOut } from './describe-left-out.ts';
import type { ProgressRenderer } from './progress-renderer.ts';
import { renderTransferEvent } from './render-transfer-event.ts';
import { stepLabel } from './step-label.ts';
import { announcedWait, Waits } from './waits.ts';

const redrawMilliseconds = 100;

interface Row {
  readonly label: string;
  readonly started: number;
  state: 'running' | 'cached' | 'done' | 'failed' | 'canceled';
  milliseconds: number;
  last: string;
}

const marks: Record<Row['state'], string> = {
  running: '…',
  cached: '✓',
  done: '✓',
  failed: '✗',
  canceled: '✗',
};
/** What stands in place of the time. */
const ends: Partial<Record<Row['state'], string>> = {
  cached: 'CACHED',
  failed: 'ERROR',
  canceled: 'CANCELED',
};

/**
 * A line a step; finished ones scroll away above, running ones are redrawn in place with the last line of their output. A registry that is
 * waited for has a line below them.
 */
export class TerminalProgress implements ProgressRenderer {
  readonly #out: NodeJS.WriteStream;
  readonly #rows = new Map<string, Row>();
  readonly #timer: NodeJS.Timeout;
  readonly #waits = new Waits();
  #drawn = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#timer = setInterval(() => this.#draw(), redrawMilliseconds);
    this.#timer.unref();
  }

  onEvent(event: BuildEvent): void {
    switch (event.type) {
      case 'step-started': {
        const label = stepLabel(event.steps);
        this.#rows.set(event.id, {
          label,
          started: performance.now(),
          state: 'running',
          milliseconds: 0,
          last: '',
        });
        break;
      }
      case 'step-cached':
        this.#finish(event.id, 'cached', 0);
        break;
      case 'step-done':
        this.#finish(event.id, 'done', event.milliseconds);
        break;
      case 'step-canceled':
        this.#finish(event.id, 'canceled', 0);
        break;
      case 'step-failed':
        this.#finish(event.id, 'failed', 0);
        break;
      case 'output': {
        const row = this.#rows.get(event.id);
        const line = event.text.trimEnd().split('\n').at(-1);
        if (row && line) row.last = printable(line);
        break;
      }
      case 'warning':
        this.#above(`warning: ${event.warning.rule}: ${event.warning.message} (line ${event.warning.line})`);
        break;
      case 'keeper-started':
        for (const line of describeKeeper(event)) this.#above(line);
        break;
      case 'platform-left-out':
        for (const line of describeLeftOut(event)) this.#above(line);
        break;
      case 'cache-unusable':
        this.#above(`warning: cache ${event.cache}: ${event.message}`);
        break;
      case 'cache-collected':
        this.#above(describeCollected(event));
        break;
      case 'retry':
        this.#wait(renderTransferEvent(event), event.delayMs);
        break;
      case 'resume':
      case 'registry-warning':
        this.#above(renderTransferEvent(event));
        break;
      case 'cache-imported':
      case 'cache-exported':
      case 'planned':
      case 'layer-fetch':
      case 'image':
      case 'exported':
      case 'blob':
        break;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #finish(id: string, state: Row['state'], milliseconds: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    row.state = state;
    row.milliseconds = milliseconds;
    this.#rows.delete(id);
    this.#above(this.#text(row));
  }

  #wait(text: string, milliseconds: number): void {
    if (this.#waits.add(text, milliseconds, Date.now())) this.#draw();
    else this.#above(announcedWait(text, milliseconds));
  }

  #above(text: string): void {
    this.#erase();
    this.#out.write(`${printable(text)}\n`);
    this.#draw();
  }

  #text(row: Row): string {
    const time = row.state === 'running' ? performance.now() - row.started : row.milliseconds;
    const end = ends[row.state] ?? `${(time / 1000).toFixed(1)}s`;
    const width = Math.max(20, (this.#out.columns || 80) - 1);
    const mark = marks[row.state];
    const left = `${mark} ${row.label}${row.state === 'running' && row.last ? `  ${row.last}` : ''}`;
    const room = width - end.length - 1;
    return `${left.length > room ? `${left.slice(0, room - 1)}…` : left.padEnd(room)} ${end}`;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }

  #draw(): void {
    this.#erase();
    const now = Date.now();
    for (const line of this.#waits.ended(now)) this.#out.write(`${line}\n`);
    const wait = this.#waits.line(now, (this.#out.columns || 80) - 1);
    const room = Math.max(1, (this.#out.rows || 24) - (wait === undefined ? 2 : 3));
    const lines = [...this.#rows.values()].slice(0, room).map((row) => this.#text(row));
    if (wait !== undefined) lines.push(wait);
    for (const line of lines) this.#out.write(`${line}\n`);
    this.#drawn = lines.length;
  }
}
