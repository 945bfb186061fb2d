import { once } from 'node:events';
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { loadMountCalls, type MountCalls } from '../snapshot/mount-calls.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import { loadSyscalls } from '../snapshot/syscalls.ts';
import { bindGroups, openGroups, unbindGroups } from './cgroups/bind-cgroups.ts';
import { chooseSnapshotter } from './choose-snapshotter.ts';
import { Connection } from './connection.ts';
import { encodeJson } from './frames.ts';
import { makeHandlers } from './handlers.ts';
import { isolate, registerEmulators, unregisterEmulators } from './isolate.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { KeeperLocks } from './keeper-locks.ts';
import { holdInMemory, releaseMemory } from './memory-directories.ts';
import { ownDirectories } from './own-directories.ts';
import { sweep } from './sweep.ts';
import { toWireError } from './wire-error.ts';

/** The keeper's process: the first one of its PID namespace, so that its end is the end of everything that it started. */

const channelDescriptor = 3;

async function serve(config: KeeperConfig, socket: Socket): Promise<void> {
  // Layers say what modes their files have. Programs that no runtime starts have Docker's.
  process.umask(config.tier === 'proot' ? 0o022 : 0);
  const calls = await loadMountCalls();
  keepFromPrograms(calls);
  // The compile cache, where one is in use, is read-only from the next line on; what programs are started with is in it by then.
  if (config.tier === 'chroot')
    await Promise.all([
      import('../sandbox/chroot/enter-root.ts'),
      import('../sandbox/chroot/process-calls.ts'),
    ]);
  flushCompileCache();
  const openedGroups = openGroups(config.cgroup);
  const ownProc = !config.namespaces || isolate(config, calls);
  const keepers = join(config.dataDirectory, 'keeper');
  const locks = new KeeperLocks(keepers, calls);
  const directory = locks.take(config.id);
  if (config.namespaces) holdInMemory(directory, calls);
  else if (process.getuid?.() === 0) letUsersPass(config, directory);
  registerEmulators(config, calls);
  const cgroups = bindGroups(openedGroups, directory, calls);
  const snapshots = new SnapshotDirectory(join(config.dataDirectory, 'snapshots'), {
    owner: config.id,
    tryLock: calls.tryLock,
  });
  // The data of mount(2) is one page: lower directories are named from here.
  process.chdir(snapshots.path);
  const syscalls = await loadSyscalls();
  const { snapshotters: candidates } = config;
  const { mounter, ...trees } = await chooseSnapshotter({
    candidates,
    directory,
    snapshots,
    calls,
    syscalls,
  });
  const filter =
    config.tier === 'chroot' && config.namespaces ? await makeFilter(config, directory) : undefined;
  const connection: Connection = new Connection(
    socket,
    makeHandlers({
      config,
      directory,
      snapshots,
      calls,
      syscalls,
      mounter,
      filter,
      cgroups,
      onEvent: (event) => connection.send({ type: 'event', event }),
    }),
  );
  connection.send({ type: 'ready', trees, losses: lossesOf(config, { ownProc, filter }) });
  const remove = (name: string): void => removeTree(join(snapshots.path, name));
  const sweeping = sweep({
    ...{ keepers, locks, snapshots, calls, remove, id: config.id },
    cacheMounts: join(config.dataDirectory, 'cache-mounts'),
  });
  await connection.ended;
  await sweeping;
  snapshots.discardOwn().forEach(remove);
  unregisterEmulators(config, calls);
  unbindGroups(cgroups, calls);
  if (config.namespaces) releaseMemory(directory, calls);
  rmSync(directory, { recursive: true, force: true });
}

/** For programs that no runtime filters. */
async function makeFilter({ ids }: KeeperConfig, directory: string): Promise<string | undefined> {
  const [{ writeSeccompFilter }, { seccompProfile }] = await Promise.all([
    import('../sandbox/chroot/seccomp-filter.ts'),
    import('../sandbox/seccomp-profile.ts'),
  ]);
  const path = join(directory, 'seccomp.bpf');
  const profile = seccompProfile(process.arch, { singleId: ids === 'single' });
  return profile !== undefined && (await writeSeccompFilter(profile, path)) ? path : undefined;
}

function lossesOf(
  { tier, namespaces }: KeeperConfig,
  found: { readonly ownProc: boolean; readonly filter: string | undefined },
): string[] {
  return [
    ...(found.ownProc
      ? []
      : [
          '/proc is the container’s own: steps see its processes (docker run --security-opt systempaths=unconfined)',
        ]),
    ...(tier === 'chroot' && namespaces && found.filter === undefined
      ? ['no system calls are withheld from steps: apt-get install libseccomp2']
      : []),
  ];
}

/** Descriptors that this process was started with by mistake. */
function keepFromPrograms(calls: MountCalls): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number))
    if (fd > channelDescriptor) calls.closeOnExec(fd);
}

/** Programs that are not root's come by the same way as the keeper. */
function letUsersPass({ dataDirectory }: KeeperConfig, directory: string): void {
  const own = ownDirectories.map((name) => join(dataDirectory, name));
  for (const path of [dataDirectory, ...own, directory]) chmodSync(path, statSync(path).mode | 0o011);
}

const socket = new Socket({ fd: channelDescriptor, readable: true, writable: true });
void serve(JSON.parse(process.argv[2] ?? '') as KeeperConfig, socket)
  .catch(async (error) => {
    // With nobody to tell it to, the next keeper cleans up.
    if (!socket.writable) return;
    socket.end(encodeJson({ type: 'unfit', error: toWireError(error) }));
    await once(socket, 'close').catch(() => {});
  })
  .finally(() => process.exit(0));
