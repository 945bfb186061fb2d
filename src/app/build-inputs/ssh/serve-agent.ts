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
    let last = Promise.resolve();
    connections.add(client);
    client.on('data', (chunk) => {
      try {
        for (const message of reader.push(chunk)) {
          last = last.then(async () => void client.write(framed(await session.answer(Buffer.from(message)))));
        }
      } catch {
        client.destroy();
      }
    });
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
