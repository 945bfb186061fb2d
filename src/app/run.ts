import { randomBytes } from 'node:crypto';
import type { LayerBlob, RunRequest } from '../build/keeper/protocol.ts';
import { startKeeper } from '../build/keeper/start-keeper.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { ContainerConfig } from '../oci/manifest.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../oci/platform.ts';
import { type ImageAtHand, imageAtHand, type PullEvent } from './image-at-hand.ts';
import { readImageLayers } from './image-layers.ts';
import type { RegistrySettings } from './registry-settings.ts';
import type { SandboxChoice } from './sandbox-choice.ts';
import { createRegistryClient, openLocalStore } from './stores.ts';
import { openVolumes } from './volumes.ts';

export interface RunImageOptions {
  readonly reference: string;
  /** As typed; this machine's own by default. */
  readonly platform?: string | undefined;
  /** What follows the reference: instead of the image's CMD. */
  readonly command: readonly string[];
  /** Instead of the image's ENTRYPOINT, whose CMD then counts no more. */
  readonly entrypoint?: string | undefined;
  /** `NAME=value`, or `NAME` for this process's own value. */
  readonly environment: readonly string[];
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
  readonly network: 'host' | 'none';
  /** `HOST:TARGET[:ro]`. */
  readonly volumes?: readonly string[] | undefined;
  /** Default `empty`. */
  readonly stdin?: 'inherit' | 'empty' | undefined;
  /** The program gets a terminal of its own, joined to this one. Default: this process's descriptors as they are. */
  readonly terminal?: ProgramTerminal | undefined;
  /** Default: the first that works on this machine. */
  readonly sandbox?: SandboxChoice | undefined;
  readonly registry?: RegistrySettings | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Asks the program to end with the image's stop signal, and kills it when it does not. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

export interface ProgramTerminal {
  /** Has the terminal pass everything on while the program runs, and calls `resize` when its size changes. */
  during<T>(resize: () => void, work: () => Promise<T>): Promise<T>;
}

/** What a program gets to end by itself after its stop signal. */
const graceMilliseconds = 3000;
const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs an image's program with this process's own stdin, stdout and stderr, in a root file system that is thrown away. Resolves to the
 * program's exit code, 128 + n for signal n. Finds the image in the local store, else in its registry.
 */
export async function runImage(options: RunImageOptions): Promise<number> {
  const { reference, signal } = options;
  const env = options.env ?? process.env;
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  if (options.workdir !== undefined && !options.workdir.startsWith('/')) {
    throw failure('USAGE', 'run in', options.workdir, 'not an absolute path');
  }
  const local = await openLocalStore({ env, create: true });
  const client = await createRegistryClient({ ...options, env });
  let image: ImageAtHand;
  try {
    image = await imageAtHand(reference, platform, { local, client, signal, onEvent: options.onEvent });
  } catch (error) {
    if (!isFailure(error, 'PLATFORM_MISSING')) throw error;
    throw failure('PLATFORM_MISSING', 'run', reference, `it is not for ${formatPlatform(platform)}`, {
      hint: `${error.hint}: --platform OS/ARCH runs one of them, emulated`,
      cause: error,
    });
  } finally {
    client.close();
  }
  const {
    config: { config = {} },
    layers,
  } = await readImageLayers(local, image.descriptor, { signal });
  const tree = layers.map(
    ({ descriptor, diffId }): LayerBlob => ({
      kind: 'blob',
      path: local.blobPath(descriptor.digest),
      diffId,
    }),
  );
  const args = argumentsOf(config, options);
  const volumes = await openVolumes(options.volumes ?? []);
  const keeper = await startKeeper({
    dataDirectory: dataDirectory(env),
    platforms: [platform],
    sandbox: options.sandbox,
    stdio: 'inherit',
    writable: volumes.writable,
  });
  try {
    const hostname = randomBytes(6).toString('hex');
    const { terminal, stdin = 'empty' } = options;
    const request: RunRequest = {
      tree,
      platform,
      args,
      env: environmentOf(config, options.environment, { env, hostname, terminal: terminal !== undefined }),
      cwd: options.workdir ?? (config.WorkingDir || '/'),
      user: options.user ?? config.User ?? '',
      network: options.network,
      hostname,
      stdio: terminal ? 'terminal' : 'inherit',
      stdin,
      mounts: volumes.mounts,
      discard: true,
      stop: { signal: config.StopSignal ?? 'SIGTERM', graceMilliseconds },
    };
    const run = () => keeper.run(request, { signal });
    const { exitCode } = await (terminal
      ? terminal.during(() => void keeper.resize().catch(() => {}), run)
      : run());
    return exitCode;
  } finally {
    await keeper.close();
  }
}

/** ENTRYPOINT and CMD as Docker puts them together. */
function argumentsOf(config: ContainerConfig, options: RunImageOptions): string[] {
  const { reference, command, entrypoint } = options;
  const head = entrypoint === undefined ? (config.Entrypoint ?? []) : entrypoint === '' ? [] : [entrypoint];
  const tail = command.length > 0 ? command : entrypoint === undefined ? (config.Cmd ?? []) : [];
  const args = [...head, ...tail];
  if (args.length > 0) return args;
  throw failure('USAGE', 'run', reference, 'the image has no command of its own', {
    hint: `polyarch run ${reference} COMMAND`,
  });
}

function environmentOf(
  config: ContainerConfig,
  given: readonly string[],
  host: { readonly env: NodeJS.ProcessEnv; readonly hostname: string; readonly terminal: boolean },
): string[] {
  const values = new Map<string, string>();
  const set = (entry: string): void => void values.set(entry.slice(0, entry.indexOf('=')), entry);
  set(defaultPath);
  set(`HOSTNAME=${host.hostname}`);
  if (host.terminal) set('TERM=xterm');
  for (const entry of config.Env ?? []) if (entry.includes('=')) set(entry);
  for (const entry of given) {
    if (entry.startsWith('=') || entry === '')
      throw failure('USAGE', 'set', entry, 'not of the form NAME=value');
    const value = host.env[entry];
    if (entry.includes('=')) set(entry);
    else if (value !== undefined) set(`${entry}=${value}`);
  }
  return [...values.values()];
}
