import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { findPeer } from './programs.ts';

/** A docker-registry on a free loopback port. */
export interface PeerRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Forgets all that was pushed. */
  empty(): void;
  close(): Promise<void>;
}

/** `directory` is made, and holds its configuration and data. */
export async function startPeerRegistry(directory: string): Promise<PeerRegistry> {
  const program = findPeer('docker-registry', { elf: true });
  if (program === undefined)
    throw new Error('Cannot start "docker-registry": not installed (Debian package docker-registry)');
  mkdirSync(directory, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const data = join(directory, 'registry');
  const config = join(directory, 'registry.yml');
  writeFileSync(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: data } },
      http: { addr: host },
    }),
  );
  const child = spawn(program, ['serve', config], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 40; attempt++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer?.ok) {
      return {
        host,
        empty: () => rmSync(data, { recursive: true, force: true }),
        async close() {
          const ended = new Promise((resolve) => child.on('close', resolve));
          child.kill();
          await ended;
        },
      };
    }
    await sleep(100);
  }
  child.kill();
  throw new Error(`Cannot start "docker-registry": no answer at ${host}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}
