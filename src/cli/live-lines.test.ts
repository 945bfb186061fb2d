import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LiveLines } from './live-lines.ts';

/** What a terminal of one endless line each would show. */
function screen(text: string): string[] {
  return text.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '');
}

function linesOn(out: { isTTY?: boolean; columns?: number }) {
  const state = { text: '', now: 0 };
  const write = (text: string): void => {
    state.text += text;
  };
  const lines = new LiveLines({ ...out, write }, { now: () => state.now });
  return { lines, state, shown: () => screen(state.text) };
}

describe('waits', () => {
  test('on a pipe are one line when they begin', () => {
    const { lines, state } = linesOn({});
    lines.wait('retry a', 12_000);
    state.now = 5000;
    lines.tick();
    lines.write('other');
    assert.equal(state.text, 'retry a; again in 12.0 s\nother\n');
  });

  test('on a terminal count down below the other lines, and stay when they are over', () => {
    const { lines, state, shown } = linesOn({ isTTY: true, columns: 60 });
    try {
      lines.wait('retry a', 12_000);
      assert.deepEqual(shown(), ['retry a; again in 12 s']);
      state.now = 5000;
      lines.tick();
      assert.deepEqual(shown(), ['retry a; again in 7 s']);
      lines.write('other');
      assert.deepEqual(shown(), ['other', 'retry a; again in 7 s']);
      lines.wait('retry b', 30_000);
      assert.deepEqual(shown(), ['other', 'retry b; again in 30 s, and 1 more wait']);
      lines.wait('retry soon', 200);
      state.now = 12_001;
      lines.tick();
      assert.deepEqual(shown().slice(1, 3), ['retry soon; again in 0.2 s', 'retry a; waited 12 s']);
      state.now = 36_000;
      lines.tick();
      assert.deepEqual(shown().slice(-2), ['retry b; waited 30 s', '']);
    } finally {
      lines.end();
    }
  });

  test('never wrap, and leave nothing when something else is written', () => {
    const { lines, shown } = linesOn({ isTTY: true, columns: 40 });
    lines.wait('x'.repeat(100), 9000);
    assert.equal(shown()[0]?.length, 39);
    assert.match(shown()[0] ?? '', /^x+…; again in 9 s$/);
    lines.end();
    assert.deepEqual(shown(), ['']);
  });
});
