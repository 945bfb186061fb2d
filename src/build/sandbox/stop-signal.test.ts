import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopSignal } from './stop-signal.ts';

test('STOPSIGNAL is a number or a name, with or without SIG; anything else is SIGTERM', () => {
  const said = ['9', 'SIGINT', 'quit', 'sigusr1', '', 'NOSUCH', '123', 'toString'];
  assert.deepEqual(said.map(stopSignal), [
    ...[9, 'SIGINT', 'SIGQUIT', 'SIGUSR1'],
    ...['SIGTERM', 'SIGTERM', 'SIGTERM', 'SIGTERM'],
  ]);
});
