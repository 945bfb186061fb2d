import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTransport } from './transport.ts';

test('an interrupt while a connection is prepared ends the request', async () => {
  const controller = new AbortController();
  const transport = createTransport({
    async hostTls() {
      controller.abort();
      return undefined;
    },
  });
  const url = new URL('https://127.0.0.1:1/v2/');
  await assert.rejects(transport.send({ method: 'GET', url, signal: controller.signal }), {
    code: 'INTERRUPTED',
  });
  transport.close();
});
