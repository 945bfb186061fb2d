import { once } from 'node:events';
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunMount } from '../protocol.ts';

const drainMilliseconds = 300;
const turnMilliseconds = 10;

/** A socket of the step's own that leads to one of this machine and nowhere else, for as long as `use` takes. */
export async function withAgentSocket<T>(
  socket: Extract<RunMount, { kind: 'socket' }>,
  options: { readonly path: string },
  use: (path: string) => Promise<T>,
): Promise<T> {
  const { path } = options;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const agent = connect({ path: socket.path, allowHalfOpen: true });
    for (const [from, to] of [
      [client, agent],
      [agent, client],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => open.delete(from));
      from.pipe(to);
    }
  });
  // sun_path takes 107 bytes: from the working directory the way is short, wherever the data directory is.
  server.listen(relative(process.cwd(), path));
  await once(server, 'listening');
  try {
    chownSync(path, socket.uid, socket.gid);
    chmodSync(path, socket.mode);
    return await use(path);
  } finally {
    // A program may write and end at once: what it wrote is passed on first, a connection that was not taken yet taken.
    for (const until = performance.now() + drainMilliseconds; performance.now() < until; ) {
      await sleep(turnMilliseconds);
      if (open.size === 0) break;
    }
    for (const connection of open) connection.destroy();
    server.close();
    rmSync(path, { force: true });
  }
}
