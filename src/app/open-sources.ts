import { join } from 'node:path';
import { GitRepositories } from '../build/sources/git-repositories.ts';
import { HttpFiles } from '../build/sources/http-files.ts';
import type { Downloader } from '../registry/client/downloader.ts';

export interface Sources {
  readonly http: HttpFiles;
  readonly git: GitRepositories;
  close(): void;
}

/** What fetches files and repositories for a build. Nothing is loaded before something is fetched. */
export function openSources(options: {
  readonly dataDirectory: string;
  readonly env: NodeJS.ProcessEnv;
}): Sources {
  const { dataDirectory, env } = options;
  const directory = join(dataDirectory, 'sources');
  let downloader: Promise<Downloader> | undefined;
  const open = async () => {
    const { createDownloader } = await import('../registry/client/downloader.ts');
    return createDownloader({ env });
  };
  return {
    http: new HttpFiles({
      directory,
      async get(url, io) {
        downloader ??= open();
        return await (await downloader).get(url, io);
      },
    }),
    git: new GitRepositories({ directory: join(directory, 'git'), env }),
    close() {
      downloader?.then(
        (opened) => opened.close(),
        () => {},
      );
    },
  };
}
