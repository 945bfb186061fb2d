import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeBaseImage } from '../scripts/base-image.ts';
import { type ExtraFiles, largerBase } from './larger-base.ts';
import { startPeerRegistry } from './peer-registry.ts';

/** What is built. */
export interface Subject {
  readonly title: string;
  /** Name of the Dockerfile template in this directory. */
  readonly template: 'steps' | 'copy' | 'large' | 'edit' | 'one-file';
  readonly platforms: readonly string[];
  /** On the base, besides busybox. Default nothing. */
  readonly base?: ExtraFiles;
  readonly writeContext: (directory: string) => void;
  /** Between builds: what the next one finds changed. Default nothing. */
  readonly edit?: (directory: string) => void;
}

/** A registry of a peer's make on loopback, the base image in it, and a context with one of the Dockerfiles. */
export interface BuildFixture {
  /** Below `$PEERS` where that is set: peers in a chroot see nothing else. */
  readonly directory: string;
  readonly subject: Subject;
  readonly context: string;
  /** `127.0.0.1:port`. */
  readonly registry: string;
  /** Fails unless the reference is there, and of several platforms an index of them. */
  check(repository: string, tag: string): Promise<void>;
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
    const { platforms } = subject;
    const base = makeBaseImage(join(directory, 'base'), { platforms, report });
    const reference = `${registry}/base:1`;
    await (subject.base === undefined ? base : await largerBase(base, subject.base)).push(reference);
    const context = join(directory, 'context');
    mkdirSync(context);
    const template = readFileSync(
      join(import.meta.dirname, `${subject.template}.Dockerfile.template`),
      'utf8',
    );
    writeFileSync(join(context, 'Dockerfile'), template.replaceAll('@BASE@', reference));
    subject.writeContext(context);
    return {
      directory,
      subject,
      context,
      registry,
      async check(repository, tag) {
        const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
          headers: {
            accept:
              'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json',
          },
        });
        if (!answer.ok) throw new Error(`Cannot find "${repository}:${tag}": ${answer.status}`);
        // buildah makes an index of one, too.
        if (platforms.length === 1) return;
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
