import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, reasonOf } from '../../lib/errors.ts';
import { cgroupLayout } from '../sandbox/cgroup-layout.ts';
import { type MountCalls, mountFlags } from '../snapshot/mount-calls.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { ownDirectories } from './own-directories.ts';

/**
 * Makes the keeper's mount namespace a place where little can go wrong: a /proc of its own, everything but the keeper's own directories
 * and those that the user names read-only, so that a hole in the extractor cannot reach the host's files. Comes before anything is opened for writing: a mount with
 * a writer cannot become read-only. False where /proc stays the outer one: in the `chroot` tier, which can do with it.
 */
export function isolate(config: KeeperConfig, calls: MountCalls): boolean {
  const own = [...ownDirectories.map((name) => join(config.dataDirectory, name)), ...config.writable];
  for (const directory of own) calls.mount(directory, directory, '', mountFlags.bind);
  const cgroups = cgroupLayout(readFileSync('/proc/self/mountinfo', 'utf8'));
  const hasOwnProc = mountProc(config, calls);
  // crun refuses hybrid cgroups; nobody here uses any, so one version is enough to see.
  if (cgroups.kind === 'hybrid') calls.mount(cgroups.unified, '/sys/fs/cgroup', '', mountFlags.bind);
  // Before Linux 5.12 the mounts stay as they are.
  if (calls.setReadOnly('/', true, { recursive: true })) {
    for (const directory of [...own, ...(hasOwnProc ? ['/proc'] : [])])
      calls.setReadOnly(directory, false, { recursive: false });
  }
  return hasOwnProc;
}

function mountProc(config: KeeperConfig, calls: MountCalls): boolean {
  try {
    calls.mount('proc', '/proc', 'proc', mountFlags.noSuid | mountFlags.noDev | mountFlags.noExec);
    return true;
  } catch (error) {
    if (config.tier === 'chroot') return false;
    throw failure(
      'SANDBOX',
      'mount',
      '/proc',
      'the kernel refuses a new one, because parts of the outer one are masked',
      {
        hint: 'run the outer container with --security-opt systempaths=unconfined, or --privileged',
        cause: error,
      },
    );
  }
}

/** Since Linux 6.7 a user namespace has a table of its own. It serves every program below this namespace, wherever it is mounted. */
export function registerEmulators(config: KeeperConfig, calls: MountCalls): void {
  if (config.binfmt.length === 0) return;
  const directory = binfmtDirectory(config);
  mkdirSync(directory);
  try {
    calls.mount(
      'binfmt_misc',
      directory,
      'binfmt_misc',
      mountFlags.noSuid | mountFlags.noDev | mountFlags.noExec,
    );
    for (const line of config.binfmt) writeFileSync(join(directory, 'register'), line, 'latin1');
  } catch (error) {
    throw failure('EMULATOR', 'register emulators for', config.emulated.join(', '), reasonOf(error), {
      hint: 'this needs Linux 6.7; on an older one register them for the whole machine: apt-get install qemu-user-static binfmt-support',
      cause: error,
    });
  }
}

/** A mount in the keeper's directory is in the way of its removal. */
export function unregisterEmulators(config: KeeperConfig, calls: MountCalls): void {
  if (config.binfmt.length > 0) calls.unmount(binfmtDirectory(config));
}

function binfmtDirectory({ dataDirectory, id }: KeeperConfig): string {
  return join(dataDirectory, 'keeper', id, 'binfmt');
}
