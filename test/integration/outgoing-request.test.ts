import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { http } from '../../src/lib/node-http.ts';
import { exchange, StaleConnection } from '../../src/registry/client/exchange.ts';
import type { HttpRequest, HttpResponse } from '../../src/registry/client/http.ts';
import type { OutgoingRequest } from '../../src/registry/client/outgoing-request.ts';
import { ConnectionPool } from '../../src/registry/client/plain-http/connection-pool.ts';
import { PlainRequest } from '../../src/registry/client/plain-http/plain-request.ts';
import { readBody } from '../../src/registry/client/watched-body.ts';

/** Opens requests over one connection at the most. */
type Open = (url: URL, init: { method: string; headers: Record<string, string> }) => OutgoingRequest;

/** What the server does with a connection on which the heads of so many requests have come; `text` is all that came. */
type Script = (socket: Socket, requests: number, text: string) => void;

/** Both ways to send a request pass it: node:http's, and ours. */
function suite(name: string, makeOpen: (url: URL) => { open: Open; close: () => void }): void {
  describe(name, () => {
    let server: Server;
    let script: Script = () => {};
    let url: URL;
    let connections = 0;
    const sockets = new Set<Socket>();
    before(async () => {
      server = createServer((socket) => {
        connections++;
        sockets.add(socket);
        let text = '';
        let requests = 0;
        socket.on('error', () => {});
        socket.on('data', (data) => {
          text += data.toString('latin1');
          const heads = text.split('\r\n\r\n').length - 1;
          if (heads > requests) {
            requests = heads;
            script(socket, requests, text);
          }
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/a?b=c`);
    });
    after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });

    const using = async <T>(
      work: (send: (request?: Partial<HttpRequest>) => Promise<HttpResponse>) => Promise<T>,
    ) => {
      const { open, close } = makeOpen(url);
      try {
        return await work((request) => {
          const whole: HttpRequest = { method: 'GET', url, ...request };
          const length = whole.body === undefined ? {} : { 'content-length': String(whole.body.length) };
          return exchange(
            whole,
            open(url, { method: whole.method, headers: { ...whole.headers, ...length } }),
            undefined,
          );
        });
      } finally {
        close();
      }
    };
    const textOf = async (response: HttpResponse): Promise<string | undefined> =>
      (await readBody(response, 10_000_000))?.toString('latin1');
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

    const bodies: [string, string][] = [
      ['with a length', answer],
      [
        'in chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\nT: u\r\n\r\n',
      ],
      ['until the connection ends', 'HTTP/1.1 200 OK\r\n\r\nok'],
      [
        'after interim answers',
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${answer}`,
      ],
    ];
    for (const [how, text] of bodies) {
      test(`takes a body ${how}, in one piece and byte by byte`, async () => {
        for (const size of [text.length, 1]) {
          script = async (socket) => {
            socket.setNoDelay(true);
            for (let at = 0; at < text.length; at += size) {
              socket.write(text.slice(at, at + size));
              await new Promise((resolve) => setImmediate(resolve));
            }
            if (how.startsWith('until')) socket.end();
          };
          await using(async (send) => {
            const response = await send();
            assert.equal(response.status, 200);
            assert.equal(await textOf(response), 'ok');
          });
        }
      });
    }

    test('asks for what was asked', async () => {
      let said = '';
      script = (socket, _requests, text) => {
        said = text;
        socket.write(answer);
      };
      await using(async (send) => textOf(await send({ headers: { accept: 'x/y', 'x-a': '\u00e9' } })));
      assert.match(said, /^GET \/v2\/a\?b=c HTTP\/1\.1\r\n/);
      assert.match(said.toLowerCase(), new RegExp(`\r\nhost: ${url.host}\r\n`));
      assert.match(said, /\r\naccept: x\/y\r\nx-a: \u00e9\r\n/i);
      assert.doesNotMatch(said, /content-length/i);
      await using(async (send) => textOf(await send({ method: 'POST' })));
      assert.match(said, /\r\ncontent-length: 0\r\n/i);
      await assert.rejects(using((send) => send({ headers: { 'x-a': 'b\r\nx-c: d' } })));
    });

    test('reuses its connection after a whole answer, also of HEAD', async () => {
      const [first, last] = ['HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n', answer];
      script = (socket, requests) => socket.write(requests === 1 ? first : last);
      const before = connections;
      await using(async (send) => {
        const head = await send({ method: 'HEAD' });
        assert.equal(head.headers['content-length'], '99');
        assert.equal(await textOf(head), '');
        assert.equal(await textOf(await send()), 'ok');
        assert.equal(await textOf(await send()), 'ok');
      });
      assert.equal(connections - before, 1);
    });

    test('does not reuse it when the server says so', async () => {
      script = (socket) => socket.write(answer.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      const before = connections;
      await using(async (send) => {
        assert.equal(await textOf(await send()), 'ok');
        assert.equal(await textOf(await send()), 'ok');
      });
      assert.equal(connections - before, 2);
    });

    test('sends bytes and streams', async () => {
      let said = '';
      script = (socket, _requests, text) => {
        said = text;
        const end = (): void => {
          if (said.length >= bytes.length) socket.write(answer);
        };
        socket.on('data', (data) => {
          said += data.toString('latin1');
          end();
        });
      };
      const bytes = Buffer.alloc(100_000, 'a');
      const stream = {
        length: bytes.length,
        open: async () => Readable.from([bytes.subarray(0, 9), bytes.subarray(9)]),
      };
      for (const body of [bytes, stream]) {
        assert.equal(await using(async (send) => textOf(await send({ method: 'PUT', body }))), 'ok');
        assert.match(said, /^PUT .*\r\n/);
        assert.match(said, /\r\ncontent-length: 100000\r\n/i);
        assert.equal(said.slice(said.indexOf('\r\n\r\n') + 4), bytes.toString());
      }
    });

    test('takes an answer that comes before the body is sent, and gives the connection up', async () => {
      let gone: Promise<unknown> | undefined;
      script = (socket) => {
        gone = once(socket, 'close');
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
      };
      await using(async (send) => {
        const open = async () => {
          const stream = new Readable({ read() {} });
          stream.push('a');
          return stream;
        };
        const response = await send({ method: 'PUT', body: { length: 10, open } });
        assert.equal(response.status, 413);
        assert.equal(await textOf(response), 'no');
      });
      await gone;
    });

    const broken: [string, string][] = [
      ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'],
      ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
    ];
    for (const [how, text] of broken) {
      test(`says that a body ${how} was cut off`, async () => {
        script = (socket) => socket.end(text);
        await using(async (send) => {
          await assert.rejects(textOf(await send()), { code: 'NETWORK', message: /the connection broke/ });
        });
      });
    }

    test('says that a connection closed without an answer', async () => {
      for (const text of ['', 'HTTP/1.1 200 OK\r\nContent-Le']) {
        script = (socket) => socket.end(text);
        await using((send) => assert.rejects(send(), { code: 'NETWORK', message: /the connection broke/ }));
      }
    });

    test('tells a connection that was closed while idle from a registry that is gone', async () => {
      script = (socket, requests) => {
        if (requests === 1) socket.write(answer);
        else socket.destroy();
      };
      await using(async (send) => {
        assert.equal(await textOf(await send()), 'ok');
        await assert.rejects(send(), StaleConnection);
      });
    });

    test('an interrupt ends a request before its answer, and in its body', async () => {
      for (const text of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok']) {
        const controller = new AbortController();
        script = (socket) => {
          if (text === '') controller.abort();
          else socket.write(text);
        };
        await using(async (send) => {
          const sent = send({ signal: controller.signal }).then(async (response) => {
            response.body.once('data', () => controller.abort());
            await textOf(response);
          });
          await assert.rejects(sent, { code: 'INTERRUPTED' });
        });
      }
    });

    test('does not take more of a body than is read', async () => {
      let written = 0;
      const piece = Buffer.alloc(65536);
      const total = 32 * 1024 * 1024;
      script = (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        const more = (): void => {
          while (written < total) {
            written += piece.length;
            if (!socket.write(piece)) {
              socket.once('drain', more);
              return;
            }
          }
        };
        more();
      };
      await using(async (send) => {
        const { body } = await send();
        // Long enough for what nothing holds back.
        for (let turn = 0, before = -1; before !== written || turn < 50; turn++) {
          before = written;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        assert.ok(written < total / 2, `${written} bytes were taken that nobody read`);
        const held = written;
        let size = 0;
        for await (const chunk of body) {
          size += (chunk as Buffer).length;
          if (size > held) break;
        }
        assert.ok(size > held);
      });
    });

    test('refuses what is no answer, and a head without end', async () => {
      const long = `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(100_000)}\r\n\r\n`;
      for (const text of [
        'SSH-2.0-x\r\n\r\n',
        long,
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      ]) {
        script = (socket) => socket.write(text);
        await using((send) => assert.rejects(send(), { code: 'NETWORK' }));
      }
    });
  });
}

suite('node:http', () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return { open: (url, init) => http.request(url, { ...init, agent }), close: () => agent.destroy() };
});
suite('plain HTTP of our own', (url) => {
  const pool = new ConnectionPool(url, 1);
  return { open: (target, init) => new PlainRequest(target, init, pool), close: () => pool.close() };
});
