import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolyarchError } from '../../lib/errors.ts';
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

test('a proxy that does not answer is named, without its password', async () => {
  const transport = createTransport({ env: { HTTP_PROXY: 'http://me:secret@127.0.0.1:1' } });
  const url = new URL('http://registry.example/v2/');
  await assert.rejects(transport.send({ method: 'GET', url }), (error: PolyarchError) => {
    assert.match(error.message, /its proxy does not answer \(ECONNREFUSED\)/);
    assert.match(error.hint ?? '', /HTTP_PROXY.* http:\/\/127\.0\.0\.1:1/);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/);
    return true;
  });
  transport.close();
});
