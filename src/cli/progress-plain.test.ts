import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainProgress } from './progress-plain.ts';

const step = { stage: 's', number: 1, total: 1, text: 'RUN x', startLine: 1, endLine: 1 };

function watch() {
  const written: string[] = [];
  const progress = new PlainProgress({ write: (text) => written.push(text) });
  const platform = { os: 'linux', architecture: 'amd64' };
  const steps = [{ ...step, platform }];
  progress.onEvent({ type: 'step-started', id: 'a', steps });
  const output = (text: string) =>
    progress.onEvent({ type: 'output', id: 'a', steps, stream: 'stdout', text });
  return { written, progress, output };
}

test('a line that comes in pieces is written once it is whole, and at the end as far as it came', () => {
  const { written, progress, output } = watch();
  for (const text of ['a', 'b\nc', 'd']) output(text);
  progress.close();
  assert.deepEqual(
    written.slice(1).map((line) => line.replace(/ \d+\.\d+ /, ' ')),
    ['#1 ab\n', '#1 cd\n'],
  );
});

test('output without line ends is not kept for ever', () => {
  const { written, progress, output } = watch();
  const text = 'x'.repeat(64 * 1024);
  for (let pieces = 0; pieces < 64; pieces++) output(text);
  const sent = () => written.slice(1).join('').replace(/[^x]/g, '').length;
  const before = sent();
  assert.ok(before > 63 * text.length - 1, `${before} of ${64 * text.length} were written`);
  progress.close();
  assert.equal(sent(), 64 * text.length);
});

test('what holds a registry up is a line', () => {
  const { written, progress } = watch();
  const registry = 'r.example';
  const request = 'GET https://r.example/v2/';
  progress.onEvent({ type: 'retry', registry, request, attempt: 1, delayMs: 12_000, reason: 'answered 429' });
  progress.onEvent({ type: 'registry-warning', registry, message: 'its mirror failed' });
  assert.deepEqual(written.slice(1), [
    'retry    GET https://r.example/v2/: answered 429; again in 12.0 s\n',
    'warning: r.example: its mirror failed\n',
  ]);
});

test('output keeps its colours; what else a terminal obeys is taken out, also of messages', () => {
  const { written, progress, output } = watch();
  output('\u001b[32mok\u001b[0m\u001b[2J\n');
  progress.onEvent({ type: 'cache-unusable', cache: 'r/c', message: 'it says \u001b]0;x\u0007' });
  progress.close();
  assert.match(written[1] ?? '', /ok\u001b\[0m \[2J\n$/);
  assert.equal(written[2], 'warning: cache r/c: it says  ]0;x \n');
});
