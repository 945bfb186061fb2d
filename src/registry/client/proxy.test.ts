import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from './proxy.ts';

const through = (url: string, env: NodeJS.ProcessEnv) => proxyFor(new URL(url), env)?.host;

test('the scheme chooses the proxy, in either case of letters, with or without a scheme of its own', () => {
  assert.equal(through('https://a.example/', { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:2' }), 'p:1');
  assert.equal(through('http://a.example/', { http_proxy: 'q:2' }), 'q:2');
  assert.equal(through('https://a.example/', { HTTP_PROXY: 'q:2' }), undefined);
  assert.equal(through('http://a.example/', { HTTP_PROXY: 'q:2', REQUEST_METHOD: 'GET' }), undefined);
  for (const url of ['https://localhost:5000/', 'https://127.0.0.1/', 'https://[::1]/']) {
    assert.equal(through(url, { HTTPS_PROXY: 'p:1' }), undefined, url);
  }
});

test('NO_PROXY: hosts and what is below them, domains, addresses, networks, ports, everything', () => {
  const cases: [entry: string, exempt: string[], others: string[]][] = [
    ['*', ['https://a.example/'], []],
    [
      'b.example',
      ['https://b.example/', 'https://x.B.example/'],
      ['https://ab.example/', 'https://a.example/'],
    ],
    ['.b.example', ['https://x.b.example/'], ['https://b.example/']],
    ['*.b.example', ['https://x.b.example/'], ['https://b.example/']],
    ['b.example:5000', ['https://b.example:5000/'], ['https://b.example/']],
    ['b.example:443', ['https://b.example/'], ['https://b.example:5000/']],
    ['10.0.0.0/8', ['https://10.1.2.3/'], ['https://11.0.0.1/', 'https://b.example/']],
    ['fd00::/8', ['https://[fd00::1]/'], ['https://[fe80::1]/', 'https://10.0.0.1/']],
    ['10.1.2.3', ['https://10.1.2.3:5000/'], ['https://110.1.2.3/']],
    ['[fd00::1]:5000', ['https://[fd00::1]:5000/'], ['https://[fd00::1]/']],
    ['10.0.0.0/99, ,x', ['https://x/'], ['https://10.0.0.0/']],
  ];
  for (const [entry, exempt, others] of cases) {
    const env = { HTTPS_PROXY: 'p:1', NO_PROXY: entry };
    for (const url of exempt) assert.equal(through(url, env), undefined, `${entry} ${url}`);
    for (const url of others) assert.equal(through(url, env), 'p:1', `${entry} ${url}`);
  }
});

test('what is no proxy of ours is refused, without its password', () => {
  for (const text of ['socks5://me:s3cret@p:1', 'http://']) {
    assert.throws(
      () => through('https://a.example/', { HTTPS_PROXY: text }),
      (error: Error) => {
        assert.equal(error.name, 'PolyarchError');
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      },
    );
  }
});
