import { randomBytes } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { abortReason, throwIfAborted } from '../../lib/errors.ts';
import { hostPlatform, normalizePlatform } from '../../oci/platform.ts';
import { runsNatively } from '../sandbox/emulator-table.ts';
import { planEmulation } from '../sandbox/emulators.ts';
import { hasRuntimeForRoot } from '../sandbox/probe-runtime.ts';
import { Channel } from './channel.ts';
import type { CallOptions, KeeperClient, StartKeeperOptions } from './keeper-client.ts';
import { spawnKeeper } from './keeper-process.ts';
import { ownDirectories } from './own-directories.ts';

/** Starts the process that works in root file systems. SANDBOX and EMULATOR say what this machine lacks for it. */
export async function startKeeper(options: StartKeeperOptions): Promise<KeeperClient> {
  const { signal, platforms } = options;
  throwIfAborted(signal);
  const emulation = planEmulation(platforms);
  for (const name of ownDirectories)
    await mkdir(join(options.dataDirectory, name), { recursive: true, mode: 0o700 });
  const foreign = platforms.filter((platform) => !runsNatively(platform, hostPlatform()));
  const spawned = await spawnKeeper(
    {
      dataDirectory: await realpath(options.dataDirectory),
      writable: options.writable ?? [],
      id: randomBytes(4).toString('hex'),
      userNamespace: process.getuid?.() !== 0 || emulation.kind === 'private' || !hasRuntimeForRoot(),
      binfmt: emulation.kind === 'private' ? emulation.lines : [],
      emulated: foreign.map((platform) => normalizePlatform(platform).architecture),
    },
    { stdio: options.stdio ?? 'none', signal },
  );
  const channel = new Channel(spawned, { onEvent: options.onEvent });
  const abort = (): void => void channel.close(abortReason(signal as AbortSignal));
  signal?.addEventListener('abort', abort, { once: true });
  channel.ended.then(
    () => signal?.removeEventListener('abort', abort),
    () => {},
  );
  if (signal?.aborted) abort();
  await channel.ready;
  return {
    async prepare(request, call) {
      await channel.call('prepare', request, call);
    },
    run: (request, call) => channel.call('run', request, call),
    pack: (request, call) => channel.call('pack', request, call),
    copy: (request, call) => channel.call('copy', request, call),
    checksum: (request, call) => channel.call('checksum', request, call),
    owner: (request, call) => channel.call('owner', request, call),
    async remove(request, call?: CallOptions) {
      await channel.call('remove', request, call);
    },
    close: () => channel.close(),
  };
}
