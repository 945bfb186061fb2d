import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { failure } from '../../lib/errors.ts';
import { withAuth } from './auth/with-auth.ts';
import { Endpoint } from './endpoint.ts';
import type { HttpRequest, HttpResponse, Send } from './http.ts';
import { withEndpoint } from './with-endpoint.ts';

const coded = (code: string) => Object.assign(new Error(code), { code });
const network = (code: string) => failure('NETWORK', 'reach', 'x', code, { cause: coded(code) });

/** Answers by origin, and remembers what was sent. */
function peer(answers: Record<string, number | Error>, headers: HttpResponse['headers'] = {}) {
  const sent: HttpRequest[] = [];
  const send: Send = async (request) => {
    sent.push(request);
    const answer = answers[request.url.origin];
    if (answer === undefined || answer instanceof Error) throw answer ?? network('ENOTFOUND');
    return { status: answer, headers, url: request.url, body: Readable.from([]) };
  };
  return { send, origins: () => sent.map(({ url }) => url.origin), sent };
}

async function ask(endpoint: Endpoint, send: Send): Promise<number> {
  const url = new URL('/v2/', endpoint.current);
  return (await withEndpoint(send, endpoint)({ method: 'GET', url })).status;
}

describe('which origin answers', () => {
  test('on this machine: plain HTTP, else TLS, learnt once', async () => {
    const [plain, tls] = ['http://localhost:5000', 'https://localhost:5000'];
    for (const first of [400, network('ECONNRESET')]) {
      const endpoint = new Endpoint('localhost:5000');
      const { send, origins } = peer({ [plain]: first, [tls]: 200 });
      assert.deepEqual([await ask(endpoint, send), await ask(endpoint, send)], [200, 200]);
      assert.deepEqual(origins(), [plain, tls, tls]);
    }
    const usual = peer({ [plain]: 404 });
    const endpoint = new Endpoint('localhost:5000');
    assert.deepEqual([await ask(endpoint, usual.send), await ask(endpoint, usual.send)], [404, 404]);
    assert.deepEqual(usual.origins(), [plain, plain]);
  });

  test('a registry that answers 400 and speaks no TLS keeps its answer', async () => {
    const endpoint = new Endpoint('localhost:5000');
    const { send, origins } = peer({
      'http://localhost:5000': 400,
      'https://localhost:5000': network('EPROTO'),
    });
    assert.equal(await ask(endpoint, send), 400);
    assert.equal(await ask(endpoint, send), 400);
    assert.equal(origins().length, 3);
  });

  test('a certificate that is not trusted is the failure, not a reason to go on without TLS', async () => {
    const endpoint = new Endpoint('localhost:5000');
    const untrusted = network('DEPTH_ZERO_SELF_SIGNED_CERT');
    const { send } = peer({ 'http://localhost:5000': 400, 'https://localhost:5000': untrusted });
    await assert.rejects(ask(endpoint, send), untrusted);
  });

  test('elsewhere TLS alone, unless any will do; certificates of its own mean TLS', async () => {
    const noTls = network('EPROTO');
    const answers = { 'https://r.example': noTls, 'http://r.example': 200 };
    await assert.rejects(ask(new Endpoint('r.example'), peer(answers).send), noTls);
    assert.equal(await ask(new Endpoint('r.example', { tlsVerify: false }), peer(answers).send), 200);
    const certified = new Endpoint('localhost', { hasCertificates: async () => true });
    const { send, origins } = peer({ 'https://localhost': 200 });
    assert.equal(await ask(certified, send), 200);
    assert.deepEqual(origins(), ['https://localhost']);
  });

  test('requests side by side wait for one look at the certificates', async () => {
    let looks = 0;
    const hasCertificates = async (): Promise<boolean> => {
      looks++;
      return true;
    };
    const endpoint = new Endpoint('localhost', { hasCertificates });
    const { send, origins } = peer({ 'https://localhost': 200 });
    const statuses = await Promise.all([1, 2, 3].map(() => ask(endpoint, send)));
    assert.deepEqual(statuses, [200, 200, 200]);
    assert.deepEqual(new Set(origins()), new Set(['https://localhost']));
    assert.equal(looks, 1);
  });
});

test('no credentials go over plain HTTP to another machine; anonymous tokens may', async () => {
  const endpoint = new Endpoint('r.example', { tlsVerify: false });
  const answers = { 'https://r.example': network('EPROTO'), 'http://r.example': 401 };
  for (const challenge of ['Basic realm="x"', 'Bearer realm="https://t.example/"']) {
    const { send, sent } = peer(answers, { 'www-authenticate': challenge });
    const authenticated = withAuth(send, {
      endpoint,
      credentials: async () => ({ username: 'me', password: 'pw' }),
      tokenSend: async () => assert.fail('no token is asked for'),
    });
    await assert.rejects(ask(endpoint, authenticated), { code: 'UNAUTHORIZED', message: /unencrypted/ });
    assert.ok(sent.every(({ headers }) => headers?.authorization === undefined));
  }
});
