import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { Endpoint } from '../endpoint.ts';
import { RepositorySession } from '../repository-session.ts';
import { begunUpload } from './upload-session.ts';

const begun = (registry: string, location: string) => {
  const endpoint = new Endpoint(registry);
  const session = new RepositorySession({
    repository: 'a/b',
    endpoint,
    send: () => Promise.reject(new Error('nothing is sent')),
  });
  const url = new URL('/v2/a/b/blobs/uploads/', endpoint.current);
  return begunUpload(session, { status: 202, headers: { location }, url, body: Readable.from([]) }).location
    .href;
};

describe('the place of an upload', () => {
  test('is beside the registry, or on another host', () => {
    assert.equal(begun('r.example', '/up?_state=a'), 'https://r.example/up?_state=a');
    assert.equal(begun('r.example', 'https://me:x@s.example/up'), 'https://s.example/up');
    assert.equal(begun('localhost:5000', 'http://localhost:5001/up'), 'http://localhost:5001/up');
  });

  for (const location of [
    'http://s.example/up',
    'http://127.0.0.1:2375/build',
    'https://[::ffff:127.0.0.1]/',
    'ftp://s.example/',
  ])
    test(`is not ${location} for a registry elsewhere`, () => {
      assert.throws(() => begun('r.example', location), { code: 'REGISTRY' });
    });
});
