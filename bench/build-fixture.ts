import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeBaseImage } from '../scripts/base-image.ts';
import { startPeerRegistry } from './peer-registry.ts';
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
  const peer = await startPeerRegistry(directory);
  const registry = peer.host;
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
        await peer.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await peer.close();
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
