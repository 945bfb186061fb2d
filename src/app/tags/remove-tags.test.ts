import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { removeTags } from './remove-tags.ts';

test('a tag that cannot be looked up while the list is still read is told, and ends nothing else', async () => {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [],
  });
  const digest = digestOf(manifest);
  const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    if (url.endsWith(`/manifests/${digest}`)) {
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex }).end(manifest);
    } else if (url.includes('/manifests/')) {
      response.writeHead(403).end();
      response.once('close', () => refuse());
    } else if (url.includes('last=a')) {
      // The rest of the list comes long after the first tag was refused.
      void refused.then(() => setTimeout(() => response.end('{"tags":["b"]}'), 200));
    } else if (url.includes('/tags/list')) {
      response.setHeader('link', '</v2/x/tags/list?last=a>; rel="next"').end('{"tags":["a"]}');
    } else response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await assert.rejects(removeTags([`127.0.0.1:${port}/x@${digest}`]), (error) =>
      isFailure(error, 'UNAUTHORIZED'),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
