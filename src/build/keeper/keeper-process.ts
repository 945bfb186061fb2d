import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { ownProgram } from '../../lib/own-program.ts';
import type { OpenedCgroup } from './cgroups/open-cgroup.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { explainUnshare, mapIds } from './user-namespace.ts';

export interface KeeperProcess {
  readonly child: ChildProcess;
  /** The one descriptor that requests and answers cross. */
  readonly channel: Duplex;
  /** The end of what the process has written to stderr. */
  readonly lastWords: () => string;
}

/** What is kept of the keeper's own stderr. */
const maxLastWords = 4096;

const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];

/** Its threads have heaps of their own, and hold little in them for long: with V8's usual young generations they take a fifth more memory, and no less time. */
const smallHeap = ['--max-semi-space-size=2', '--optimize-for-size'];

/** Waits inside the new user namespace until its ids are mapped, then goes on without a fork. Descriptor 4 says both. */
const waitForIds = 'echo >&4; read _ <&4 || exit 1; exec 4<&-; exec "$0" "$@"';

/** Starts the keeper as the first process of its namespaces. In a session of its own: a terminal's Ctrl-C reaches the main process alone. */
export async function spawnKeeper(
  config: KeeperConfig,
  options: {
    readonly stdio: 'none' | 'inherit';
    readonly signal?: AbortSignal | undefined;
    readonly cgroup?: OpenedCgroup | undefined;
  },
): Promise<KeeperProcess> {
  const [node = '', ...entry] = ownProgram(new URL('./main.ts', import.meta.url));
  const program = [node, ...smallHeap, ...entry, JSON.stringify(config)];
  const { command = [], env, watch } = options.cgroup ?? {};
  const inner = config.namespaces ? inNamespaces(program, config) : program;
  const [file = '', ...argv] = [...command, ...inner];
  const own = options.stdio === 'inherit' ? 'inherit' : 'ignore';
  const child = spawn(file, argv, {
    detached: true,
    env: { ...keeperEnvironment(), ...env },
    stdio: [
      own,
      own,
      options.stdio === 'inherit' ? 'inherit' : 'pipe',
      'pipe',
      'pipe',
      ...(watch ? [watch.held] : []),
    ],
  });
  let words = '';
  // A program that cannot be started says so here; its end follows.
  child.on('error', (error) => {
    words = `${words}\n${error.message}`;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-maxLastWords);
  });
  const [, , , channel, gate] = child.stdio as unknown as Duplex[];
  if (channel === undefined || gate === undefined)
    throw failure('KEEPER', 'start', 'keeper', 'it has no channel');
  // The end of the process shows as the end of a stream; an error on the way there says no more.
  channel.on('error', () => {});
  gate.on('error', () => {});
  if (config.userNamespace) {
    try {
      await opened(child, gate, () => words);
      await mapIds(child.pid ?? 0, { ids: config.ids, signal: options.signal });
      gate.end('\n');
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  } else gate.destroy();
  return { child, channel, lastWords: () => words };
}

function inNamespaces(program: readonly string[], config: KeeperConfig): string[] {
  const unshare = findProgram('unshare');
  if (unshare === undefined) {
    throw failure('SANDBOX', 'start', 'keeper', 'there is no unshare program here', {
      hint: 'apt-get install util-linux; steps run on Linux only',
    });
  }
  const inner = [...namespaces, '--', ...program];
  return config.userNamespace
    ? [unshare, '--user', '--', 'sh', '-c', waitForIds, unshare, ...inner]
    : [unshare, ...inner];
}

function opened(child: ChildProcess, gate: Duplex, words: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    gate.once('data', () => resolve());
    child.once('error', (error) => reject(explainUnshare(error.message)));
    child.once('close', () => reject(explainUnshare(words())));
  });
}

/** Nothing of this process's environment but what finds programs: tokens and the like stay here. */
function keeperEnvironment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  // The keeper works in another directory.
  return { PATH, ...(NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: resolve(NODE_COMPILE_CACHE) } : {}) };
}
