import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { framed, MessageReader } from './agent-message.ts';

/** One client's conversation with an agent. */
export interface AgentSession {
  /** Message and answer without their lengths. Never rejects. */
  answer(message: Buffer): Promise<Buffer>;
  close(): void;
}

export interface ServedAgent {
  readonly path: string;
  close(): void;
}

/** Listens on a socket that only this user reaches, in a directory of its own, until it is closed. */
export async function serveAgent(open: () => AgentSession): Promise<ServedAgent> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-agent-'));
  const path = join(directory, 'agent');
  const connections = new Set<Socket>();
  const server = createServer((client) => {
    const session = open();
    const reader = new MessageReader();
    connections.add(client);
    // Nothing is read before all that was asked is answered, and the answers were taken: a step could fill the memory.
    const converse = async (): Promise<void> => {
      for await (const chunk of client as AsyncIterable<Buffer>) {
        for (const message of reader.push(chunk)) {
          const answer = framed(await session.answer(Buffer.from(message)));
          if (!client.write(answer)) await drained(client);
        }
      }
    };
    void converse().catch(() => client.destroy());
    client.on('error', () => {});
    client.on('close', () => {
      connections.delete(client);
      session.close();
    });
  });
  const close = (): void => {
    for (const client of connections) client.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    server.listen(path);
    await once(server, 'listening');
  } catch (error) {
    close();
    throw error;
  }
  return { path, close };
}

/** Also when it is closed: then nobody waits for answers. */
async function drained(client: Socket): Promise<void> {
  if (client.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      client.off('drain', done);
      client.off('close', done);
      resolve();
    };
    client.on('drain', done);
    client.on('close', done);
  });
}
