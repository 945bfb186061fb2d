import { join } from 'node:path';
import type { GitRepositories, RepositoryFetcher } from '../build/sources/git-repositories.ts';
import type { FileFetcher, HttpFiles } from '../build/sources/http-files.ts';
import type { Downloader } from '../registry/client/downloader.ts';

export interface Sources {
  /** For the bytes of archives while they are in use; nothing is left there. */
  readonly spoolDirectory: string;
  /** An archive that was opened for the build: closed with the rest. */
  keep(archive: { close(): void }): void;
  readonly http: FileFetcher;
  readonly git: RepositoryFetcher;
  close(): void;
}

/** What fetches files and repositories for a build. Nothing is loaded before something is fetched. */
export function openSources(options: {
  readonly dataDirectory: string;
  readonly env: NodeJS.ProcessEnv;
}): Sources {
  const { dataDirectory, env } = options;
  const directory = join(dataDirectory, 'sources');
  const kept: { close(): void }[] = [];
  let http: Promise<HttpFiles> | undefined;
  let git: Promise<GitRepositories> | undefined;
  let downloader: Downloader | undefined;
  const openHttp = async (): Promise<HttpFiles> => {
    const { HttpFiles } = await import('../build/sources/http-files.ts');
    const { createDownloader } = await import('../registry/client/downloader.ts');
    const opened = createDownloader({ env });
    downloader = opened;
    return new HttpFiles({ directory, get: (url, io) => opened.get(url, io) });
  };
  const openGit = async (): Promise<GitRepositories> => {
    const { GitRepositories } = await import('../build/sources/git-repositories.ts');
    return new GitRepositories({ directory: join(directory, 'git'), env });
  };
  return {
    spoolDirectory: join(dataDirectory, 'spool'),
    keep: (archive) => void kept.push(archive),
    http: {
      async fetch(...call) {
        http ??= openHttp();
        return await (await http).fetch(...call);
      },
    },
    git: {
      async checkOut(...call) {
        git ??= openGit();
        return await (await git).checkOut(...call);
      },
    },
    close() {
      for (const archive of kept.splice(0)) archive.close();
      downloader?.close();
    },
  };
}
