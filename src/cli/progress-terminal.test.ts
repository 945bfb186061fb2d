import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TerminalProgress } from './progress-terminal.ts';

test('a wait for a registry counts down below the steps, and stays when it is over', (context) => {
  context.mock.timers.enable({ apis: ['Date', 'setInterval'] });
  let text = '';
  const out = { columns: 60, rows: 24, write: (more: string) => (text += more) };
  const progress = new TerminalProgress(out as unknown as NodeJS.WriteStream);
  /** What was drawn last, below what stays. */
  const drawn = () => text.split(/\u001b\[\d+A\u001b\[0J/).at(-1);
  const registry = 'r.example';
  const step = { stage: 's', number: 1, total: 1, text: 'RUN x', startLine: 1, endLine: 1 };
  const steps = [{ ...step, platform: { os: 'linux', architecture: 'amd64' } }];
  progress.onEvent({ type: 'step-started', id: 'a', steps });
  const event = { type: 'retry', registry, request: 'GET /v2/', attempt: 1, reason: 'answered 429' } as const;
  progress.onEvent({ ...event, delayMs: 12_000 });
  assert.match(drawn() ?? '', /RUN x.*\nretry {4}GET \/v2\/: answered 429; again in 12 s\n$/);
  context.mock.timers.tick(5000);
  assert.match(drawn() ?? '', /RUN x.*\nretry {4}GET \/v2\/: answered 429; again in 7 s\n$/);
  context.mock.timers.tick(7000);
  assert.match(drawn() ?? '', /^(?!.*again).*RUN x/m);
  assert.match(text, /retry {4}GET \/v2\/: answered 429; waited 12 s\n/);
  progress.onEvent({ ...event, delayMs: 200 });
  assert.match(text, /retry {4}GET \/v2\/: answered 429; again in 0\.2 s\n/);
  progress.close();
});
