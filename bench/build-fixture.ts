import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { makeBaseImage } from '../scripts/base-image.ts';
import { findPeer } from './programs.ts';
import { writeSmallFiles } from './random-files.ts';

/** Names of the Dockerfile templates in this directory: nine steps with two RUNs; or COPY alone. */
export type Subject = 'steps' | 'copy';

export const platforms = ['linux/amd64', 'linux/arm64'];

/** A registry of a peer's make on loopback, the base image in it, and a context with one of the Dockerfiles. */
export interface BuildFixture {
  /** Below `$PEERS` where that is set: peers in a chroot see nothing else. */
  readonly directory: string;
  readonly context: string;
  /** `127.0.0.1:port`. */
  readonly registry: string;
  /** Fails unless the reference is an index of the two platforms. */
  checkIndex(repository: string, tag: string): Promise<void>;
  /** Ends the registry and removes the directory. */
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}

async function startRegistry(directory: string): Promise<{ child: ChildProcess; registry: string }> {
  const program = findPeer('docker-registry', { elf: true });
  if (program === undefined)
    throw new Error('Cannot start "docker-registry": not installed (Debian package docker-registry)');
  const registry = `127.0.0.1:${await freePort()}`;
  const config = join(directory, 'registry.yml');
  writeFileSync(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(directory, 'registry') } },
      http: { addr: registry },
    }),
  );
  const child = spawn(program, ['serve', config], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 40; attempt++) {
    const answer = await fetch(`http://${registry}/v2/`).catch(() => undefined);
    if (answer?.ok) return { child, registry };
    await sleep(100);
  }
  child.kill();
  throw new Error(`Cannot start "docker-registry": no answer at ${registry}`);
}

interface Entries {
  readonly manifests?: readonly {
    readonly platform?: { readonly os: string; readonly architecture: string };
  }[];
}

export async function makeBuildFixture(
  subject: Subject,
  report: (line: string) => void,
): Promise<BuildFixture> {
  const directory = mkdtempSync(join(process.env.PEERS || tmpdir(), 'polyarch-bench-build-'));
  const { child, registry } = await startRegistry(directory);
  try {
    const base = makeBaseImage(join(directory, 'base'), { platforms, report });
    const reference = `${registry}/base:1`;
    await base.push(reference);
    const context = join(directory, 'context');
    mkdirSync(context);
    const template = readFileSync(join(import.meta.dirname, `${subject}.Dockerfile.template`), 'utf8');
    writeFileSync(join(context, 'Dockerfile'), template.replaceAll('@BASE@', reference));
    writeSmallFiles(join(context, 'files'), 2_000, 'context');
    return {
      directory,
      context,
      registry,
      async checkIndex(repository, tag) {
        const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
          headers: {
            accept:
              'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json',
          },
        });
        const index = (await answer.json()) as Entries;
        const found = index.manifests?.map(
          (entry) => `${entry.platform?.os}/${entry.platform?.architecture}`,
        );
        if (found?.toSorted().join() !== platforms.join())
          throw new Error(
            `Cannot believe "${repository}:${tag}": its platforms are ${found?.join() ?? 'none'}`,
          );
      },
      async close() {
        const ended = new Promise((resolve) => child.on('close', resolve));
        child.kill();
        await ended;
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
