import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { type Digest, digestOf } from '../../../lib/digest.ts';
import { livenessOf, processToken } from '../../../lib/process-identity.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';

/** Which upload is meant: a blob on its way to a repository. */
export interface UploadKey {
  /** `registry/repository` */
  readonly repository: string;
  readonly digest: Digest;
}

/** Remembers uploads beyond the end of the process, so that the next one goes on with them. Nothing of what it says is trusted. */
export interface UploadRecords {
  /** Where an upload went that its process did not finish; undefined when there is none. It is this process's from then on. */
  recall(key: UploadKey): Promise<URL | undefined>;
  remember(key: UploadKey, location: URL): Promise<void>;
  forget(key: UploadKey): Promise<void>;
}

/** Registries give up uploads after a time; older records are swept. */
const lifeMillis = 7 * 24 * 60 * 60 * 1000;
const maxRecordBytes = 16 * 1024;

/**
 * A file for each upload in `directory`, readable by its user alone: a location may hold a signature. Losing one costs an upload from the
 * beginning: nothing here ever fails a push.
 */
export class UploadRecordDirectory implements UploadRecords {
  readonly #directory: string;
  #token: string | undefined;
  #swept: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async recall(key: UploadKey): Promise<URL | undefined> {
    try {
      const text = String(await readFileWithin(this.#path(key), maxRecordBytes));
      const record = JSON.parse(text) as Record<string, unknown> | null;
      const { owner, location, repository, digest } = record ?? {};
      if (repository !== key.repository || digest !== key.digest || typeof owner !== 'string')
        return undefined;
      // Whoever lives is still sending.
      if (livenessOf(owner) !== 'dead' || typeof location !== 'string') return undefined;
      const url = URL.parse(location) ?? undefined;
      if (url) await this.remember(key, url);
      return url;
    } catch {
      return undefined;
    }
  }

  async remember(key: UploadKey, location: URL): Promise<void> {
    try {
      this.#swept ??= this.#sweep();
      await this.#swept;
      this.#token ??= processToken();
      const record = { ...key, location: location.href, owner: this.#token };
      await writeFileAtomic(this.#path(key), JSON.stringify(record), { mode: 0o600, sync: false });
    } catch {
      // The upload goes on without a record.
    }
  }

  async forget(key: UploadKey): Promise<void> {
    await rm(this.#path(key), { force: true }).catch(() => {});
  }

  async #sweep(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      const status = await stat(path).catch(() => undefined);
      if (status && Date.now() - status.mtimeMs > lifeMillis) await rm(path, { force: true });
    }
  }

  #path({ repository, digest }: UploadKey): string {
    return join(this.#directory, digestOf(`${repository}@${digest}`).slice('sha256:'.length));
  }
}
