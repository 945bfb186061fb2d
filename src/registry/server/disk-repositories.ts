import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobDirectory } from '../../content/layout/blob-directory.ts';
import { makeDirectory } from '../../content/layout/durable-directory.ts';
import { namesIn } from '../../content/layout/names-in.ts';
import { storeFailure } from '../../content/layout/store-failure.ts';
import type { Digest } from '../../lib/digest.ts';
import { DiskRepository } from './disk-repository.ts';
import type { Repositories } from './repositories.ts';

/** Repositories under one directory: `blobs/` shared by all, `repositories/<name>/`, `uploads/`. */
export class DiskRepositories implements Repositories {
  readonly uploads: string;
  readonly #root: string;
  readonly #blobs: BlobDirectory;

  private constructor(root: string) {
    this.#root = join(root, 'repositories');
    this.uploads = join(root, 'uploads');
    this.#blobs = new BlobDirectory(root);
  }

  static async open(root: string): Promise<DiskRepositories> {
    const repositories = new DiskRepositories(root);
    try {
      await repositories.#blobs.prepare();
      await makeDirectory(repositories.#root);
      await makeDirectory(repositories.uploads);
    } catch (error) {
      throw storeFailure('open', root, error);
    }
    return repositories;
  }

  open(name: string): DiskRepository {
    return new DiskRepository(join(this.#root, name), this.#blobs);
  }

  async has(name: string): Promise<boolean> {
    return isRepository(await namesIn(join(this.#root, name)));
  }

  async *names(): AsyncIterable<string> {
    yield* this.#namesBelow('');
  }

  async mount(digest: Digest, from: string, to: string): Promise<boolean> {
    return await this.open(to).mountFrom(this.open(from), digest);
  }

  async *#namesBelow(name: string): AsyncIterable<string> {
    const entries = await namesIn(join(this.#root, name));
    if (name !== '' && isRepository(entries)) yield name;
    for (const entry of entries) {
      const below = name === '' ? entry : `${name}/${entry}`;
      if (entry.startsWith('_') || !(await isDirectory(join(this.#root, below)))) continue;
      yield* this.#namesBelow(below);
    }
  }
}

/** No part of a repository's name starts with `_`. */
function isRepository(entries: readonly string[]): boolean {
  return entries.includes('_blobs') || entries.includes('_manifests');
}

async function isDirectory(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.isDirectory() ?? false;
}
