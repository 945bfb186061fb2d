import { startKeeper } from '../build/keeper/start-keeper.ts';
import { contentFrom } from '../content/content.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { failure } from '../lib/errors.ts';
import { hostPlatform, type Platform, parsePlatform } from '../oci/platform.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import { findBase } from './find-base.ts';
import { createRegistryClient, openLocalStore } from './stores.ts';

export interface RunImageOptions {
  readonly reference: string;
  /** In place of the image's Cmd. */
  readonly command: readonly string[];
  readonly platform?: string | undefined;
  /** In place of the image's Entrypoint. */
  readonly entrypoint?: string | undefined;
  /** `NAME=value`, or `NAME` for this process's own value. */
  readonly environment: readonly string[];
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
  readonly network: 'host' | 'none';
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
}

/** How long a program may take to end after it was told to. */
const graceMilliseconds = 5_000;

/**
 * Runs an image once, from the local store when it has the platform, else from the registry, with this process's stdin, stdout and stderr.
 * Resolves to the program's exit code; what it changes is thrown away.
 */
export async function runImage(options: RunImageOptions): Promise<number> {
  const { signal } = options;
  const env = options.env ?? process.env;
  const platform: Platform =
    options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const store = await openLocalStore({ env, create: true });
  const client = await createRegistryClient({ onEvent: options.onEvent });
  try {
    const image = await findBase(options.reference, platform, { signal, local: store, client });
    const { config = {} } = image.config;
    const entrypoint = options.entrypoint === undefined ? (config.Entrypoint ?? []) : [options.entrypoint];
    // A new entrypoint makes the image's Cmd meaningless, as in Docker.
    const cmd = options.entrypoint === undefined ? (config.Cmd ?? []) : [];
    const args = [...entrypoint, ...(options.command.length > 0 ? options.command : cmd)];
    if (args.length === 0) {
      throw failure('USAGE', 'run', options.reference, 'the image names no program', {
        hint: 'add the command to run behind the reference',
      });
    }
    await Promise.all(
      image.layers.map(({ descriptor }) =>
        store.push(descriptor, contentFrom(image.store, descriptor), { signal }),
      ),
    );
    const keeper = await startKeeper({
      dataDirectory: dataDirectory(env),
      platforms: [platform],
      signal,
      stdio: 'inherit',
    });
    try {
      const { exitCode } = await keeper.run(
        {
          tree: image.layers.map(({ descriptor, diffId }) => ({
            kind: 'blob',
            path: store.blobPath(descriptor.digest),
            diffId,
          })),
          platform,
          args,
          env: environment(config.Env ?? [], options.environment, env),
          cwd: options.workdir ?? (config.WorkingDir || '/'),
          user: options.user ?? config.User ?? '',
          network: options.network,
          hostname: 'polyarch',
          stdio: 'inherit',
          discard: true,
          stop: { signal: 'SIGTERM', graceMilliseconds },
        },
        { signal },
      );
      return exitCode;
    } finally {
      await keeper.close();
    }
  } finally {
    client.close();
  }
}

function environment(image: readonly string[], own: readonly string[], env: NodeJS.ProcessEnv): string[] {
  const values = new Map<string, string>();
  for (const text of [...image, ...own]) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const value = equals < 0 ? env[name] : text.slice(equals + 1);
    if (value !== undefined) values.set(name, value);
  }
  return [...values].map(([name, value]) => `${name}=${value}`);
}
