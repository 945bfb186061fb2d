import { randomBytes } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import {
  abortReason,
  failure,
  isFailure,
  type PolyarchError,
  reasonOf,
  throwIfAborted,
} from '../../lib/errors.ts';
import type { OpenedCgroup } from './cgroups/open-cgroup.ts';
import { Channel } from './channel.ts';
import { endLeftovers } from './end-leftovers.ts';
import type {
  CallOptions,
  KeeperClient,
  RejectedTier,
  SandboxReport,
  StartKeeperOptions,
} from './keeper-client.ts';
import { keeperPlans, type PlannedConfig } from './keeper-plans.ts';
import { spawnKeeper } from './keeper-process.ts';
import { ownDirectories } from './own-directories.ts';
import type { KeeperReport } from './protocol.ts';
import { explainUnshare } from './user-namespace.ts';

/**
 * Starts the process that works in root file systems, in the first sandbox that this machine allows. SANDBOX and EMULATOR say what it lacks for the
 * one that was asked for, or for all.
 */
export async function startKeeper(options: StartKeeperOptions): Promise<KeeperClient> {
  throwIfAborted(options.signal);
  for (const name of ownDirectories) {
    const path = join(options.dataDirectory, name);
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw failure('STORE', 'make directory', path, reasonOf(error), { cause: error });
    });
  }
  const rejected: RejectedTier[] = [];
  for (const { tier, kind, plan } of keeperPlans(
    options.platforms,
    options.sandbox ?? 'auto',
    options.resources,
  )) {
    const last = rejected.at(-1);
    // Other emulators are no help where the tier itself does not work.
    if (kind === 'other-emulators' && last?.tier === tier && last.error.code === 'SANDBOX') continue;
    try {
      const { losses, ...config } = plan();
      const { channel, report, removed } = await start(config, options);
      return client(channel, removed, {
        tier,
        onlyWhenNamed: kind === 'without-mounts',
        rejected,
        losses: [...losses, ...report.losses],
        trees: report.trees,
      });
    } catch (error) {
      if (!isFailure(error, 'SANDBOX', 'EMULATOR')) throw error;
      // Other namespaces may fail for the same reason.
      if (!rejected.some((other) => other.tier === tier && other.error.message === error.message))
        rejected.push({ tier, error });
    }
  }
  throw noSandbox(rejected);
}

async function start(
  config: PlannedConfig,
  options: StartKeeperOptions,
): Promise<{
  readonly channel: Channel;
  readonly report: KeeperReport;
  /** Resolves when nothing in the machine's control groups is left. */
  readonly removed: Promise<void> | undefined;
}> {
  const { signal } = options;
  const dataDirectory = await realpath(options.dataDirectory);
  const id = randomBytes(4).toString('hex');
  const cgroup = await groupOf(options, id);
  const given = { ...config, dataDirectory, writable: options.writable ?? [], id, cgroup: cgroup?.config };
  const spawned = await spawnKeeper(given, { stdio: options.stdio ?? 'none', signal, cgroup })
    .catch((error: unknown) => {
      throw cgroup?.explain?.(reasonOf(error)) ?? error;
    })
    // The keeper's own is open until it ends.
    .finally(() => cgroup?.watch?.held.destroy());
  const channel = new Channel(spawned, { onEvent: options.onEvent });
  const abort = (): void => void channel.close(abortReason(signal as AbortSignal));
  signal?.addEventListener('abort', abort, { once: true });
  channel.ended.then(
    () => {
      signal?.removeEventListener('abort', abort);
      if (!config.namespaces) endLeftovers(join(dataDirectory, 'keeper', id), { justEnded: true });
    },
    () => {},
  );
  if (signal?.aborted) abort();
  try {
    const report = await channel.ready;
    return { channel, report, removed: cgroup?.watch?.ended };
  } catch (error) {
    await channel.ended;
    const words = spawned.lastWords();
    const explained = isFailure(error, 'KEEPER') ? cgroup?.explain?.(words) : undefined;
    if (explained !== undefined) throw explained;
    throw isFailure(error, 'KEEPER') && /^unshare:/m.test(words) ? explainUnshare(words) : error;
  }
}

/** Loaded by builds that limit their steps alone. */
async function groupOf({ resources }: StartKeeperOptions, id: string): Promise<OpenedCgroup | undefined> {
  if (resources === undefined) return undefined;
  const { openCgroup } = await import('./cgroups/open-cgroup.ts');
  return openCgroup(resources, id);
}

function client(channel: Channel, removed: Promise<void> | undefined, sandbox: SandboxReport): KeeperClient {
  return {
    sandbox,
    async prepare(request, call) {
      await channel.call('prepare', request, call);
    },
    run: (request, call) => channel.call('run', request, call),
    pack: (request, call) => channel.call('pack', request, call),
    copy: (request, call) => channel.call('copy', request, call),
    checksum: (request, call) => channel.call('checksum', request, call),
    owner: (request, call) => channel.call('owner', request, call),
    usage: (call) => channel.call('usage', null, call),
    prune: (request, call) => channel.call('prune', request, call),
    packCache: (key, call) => channel.call('packCache', { key }, call),
    async fillCache(request, call) {
      await channel.call('fillCache', request, call);
    },
    async remove(request, call?: CallOptions) {
      await channel.call('remove', request, call);
    },
    async resize() {
      await channel.call('resize', null);
    },
    async close() {
      await channel.close();
      await removed;
    },
  };
}

/** One reason is told as it is, several in a list. */
function noSandbox(rejected: readonly RejectedTier[]): PolyarchError {
  const [first] = rejected;
  if (first === undefined || rejected.length === 1) {
    return first?.error ?? failure('SANDBOX', 'run', 'RUN', 'no sandbox was tried');
  }
  const reasons = rejected.map(({ tier, error }) => `${tier}: ${error.message}`).join('; ');
  return failure(first.error.code, 'run', 'RUN', `no sandbox works here: ${reasons}`, {
    hint: first.error.hint,
  });
}
