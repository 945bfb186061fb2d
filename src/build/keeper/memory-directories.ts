import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type MountCalls, mountFlags } from '../snapshot/mount-calls.ts';

/** In the keeper's directory: bundles of programs, and what a runtime keeps of them. crun copies a bundle's config.json. */
const names = ['mounts', 'runtime'] as const;

/** Lets the environments of programs touch no disk: a secret may be a variable. For a keeper with a mount namespace, with which they are gone. */
export function holdInMemory(directory: string, calls: MountCalls): void {
  for (const name of names) {
    const path = join(directory, name);
    mkdirSync(path, { mode: 0o700 });
    calls.mount('tmpfs', path, 'tmpfs', mountFlags.noSuid | mountFlags.noDev, 'mode=700');
  }
}

/** A mount in the keeper's directory is in the way of its removal. */
export function releaseMemory(directory: string, calls: MountCalls): void {
  for (const name of names) calls.unmount(join(directory, name));
}
