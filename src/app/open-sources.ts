import { join } from 'node:path';
import { GitRepositories } from '../build/sources/git-repositories.ts';
import { HttpFiles } from '../build/sources/http-files.ts';
import type { Downloader } from '../registry/client/downloader.ts';

export interface Sources {
  /** For the bytes of archives while they are in use; nothing is left there. */
  readonly spoolDirectory: string;
  /** An archive that was opened for the build: closed with the rest. */
  keep(archive: { close(): void }): void;
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
  const kept: { close(): void }[] = [];
  let downloader: Promise<Downloader> | undefined;
  const open = async () => {
    const { createDownloader } = await import('../registry/client/downloader.ts');
    return createDownloader({ env });
  };
  return {
    spoolDirectory: join(dataDirectory, 'spool'),
    keep: (archive) => void kept.push(archive),
    http: new HttpFiles({
      directory,
      async get(url, io) {
        downloader ??= open();
        return await (await downloader).get(url, io);
      },
    }),
    git: new GitRepositories({ directory: join(directory, 'git'), env }),
    close() {
      for (const archive of kept.splice(0)) archive.close();
      downloader?.then(
        (opened) => opened.close(),
        () => {},
      );
    },
  };
}
