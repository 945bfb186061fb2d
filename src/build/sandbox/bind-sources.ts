import { mkdirSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxMount } from './sandbox.ts';

/** What a tier mounts with, given to it. */
export interface BindCalls {
  /** Mounts a file or directory once more, without devices. */
  readonly bind: (source: string, target: string, options: { readonly readOnly: boolean }) => void;
  readonly unmount: (target: string) => void;
}

/**
 * The sources of a program's binds, each mounted once more with the flags that it is to have. A runtime that sets them by itself takes away those that
 * it was not told of: `nodev`, or inside a user namespace one that the kernel has locked, which fails.
 */
export class BindSources {
  readonly #directory: string;
  readonly #calls: BindCalls;
  readonly #mounted: { readonly path: string; readonly isDirectory: boolean }[] = [];

  constructor(directory: string, calls: BindCalls) {
    this.#directory = directory;
    this.#calls = calls;
  }

  /** The path to bind from instead. */
  add({ source, readOnly }: Extract<SandboxMount, { kind: 'bind' }>): string {
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, String(this.#mounted.length));
    const isDirectory = statSync(source).isDirectory();
    if (isDirectory) mkdirSync(path);
    else writeFileSync(path, '');
    this.#calls.bind(source, path, { readOnly });
    this.#mounted.push({ path, isDirectory });
    return path;
  }

  release(): void {
    for (const { path, isDirectory } of this.#mounted.splice(0).reverse()) {
      this.#calls.unmount(path);
      if (isDirectory) rmdirSync(path);
      else unlinkSync(path);
    }
  }
}
