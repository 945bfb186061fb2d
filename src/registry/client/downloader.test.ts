import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { createDownloader } from './downloader.ts';
import { withRedirects } from './redirect.ts';

const { signal } = new AbortController();

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('a file that an ADD fetches', () => {
  const seen: (string | undefined)[] = [];
  let elsewhere: Server;
  let server: Server;
  const downloader = createDownloader({ env: {} });

  before(async () => {
    elsewhere = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('from elsewhere');
    });
    server = await serve((request, response) => {
      seen.push(request.headers.authorization);
      const left = Number(request.url?.slice(1));
      const to: Record<string, string> = {
        '/elsewhere': `${addressOf(elsewhere)}/file`,
        '/file': 'file:///etc/passwd',
        '/nowhere': 'http://',
      };
      if (left === 0) response.end('here');
      else response.writeHead(302, { location: to[request.url ?? ''] ?? `/${left - 1}` }).end();
    });
  });
  after(() => {
    downloader.close();
    server.close();
    elsewhere.close();
  });

  async function fetched(path: string, user = ''): Promise<string> {
    const url = new URL(`${addressOf(server).replace('//', `//${user}`)}${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of (await downloader.get(url, { headers: {}, signal })).body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  test('is looked for where the server says, without the user and password of the first', async () => {
    seen.length = 0;
    assert.equal(await fetched('/elsewhere', 'me:hunter2@'), 'from elsewhere');
    assert.deepEqual(seen.slice(-1), [undefined]);
  });

  test('five redirects are followed, six are not', async () => {
    assert.equal(await fetched('/5'), 'here');
    await assert.rejects(fetched('/6'), /more than 5 redirects/);
  });

  for (const path of ['/file', '/nowhere']) {
    test(`a redirect to what is no web address is refused: ${path}`, async () => {
      await assert.rejects(fetched(path), /redirected to what is no URL/);
    });
  }

  for (const [from, to] of [
    ['https://a.example/x', 'http://a.example/x'],
    ['http://a.example/x', 'http://127.0.0.1:1/x'],
    ['http://a.example/x', 'http://localhost/x'],
  ] as const) {
    test(`${from} does not lead to ${to}`, async () => {
      const asked: string[] = [];
      const send = withRedirects(async ({ url }) => {
        asked.push(url.href);
        return { status: 302, headers: { location: to }, body: Readable.from([]), url };
      });
      await assert.rejects(send({ method: 'GET', url: new URL(from), headers: {}, signal }), /refused/);
      assert.deepEqual(asked, [from]);
    });
  }
});
