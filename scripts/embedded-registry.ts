import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../polyarch');
/** A registry that has not said where it listens by then never will. */
const startTimeoutMs = 20_000;

export interface EmbeddedRegistry {
  /** `localhost:PORT`, as references have it. */
  readonly host: string;
  /** Ends the process and waits for its end. */
  stop(): Promise<void>;
}

/** Starts `./polyarch serve` on a free loopback port, with its content under `root`. */
export async function startRegistry(
  root: string,
  options: { env?: NodeJS.ProcessEnv; report?: (line: string) => void } = {},
): Promise<EmbeddedRegistry> {
  const args = ['serve', '--addr', '127.0.0.1:0', '--root', root];
  options.report?.(`./polyarch ${args.join(' ')} &`);
  const child = spawn(program, args, { env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const last = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(last);
  };
  let output = '';
  const port = await new Promise<string | undefined>((resolve) => {
    const timeout = setTimeout(() => resolve(undefined), startTimeoutMs);
    const read = (chunk: Buffer): void => {
      output += output.length < 65_536 ? chunk.toString() : '';
      const [, found] = /127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      if (found === undefined) return;
      clearTimeout(timeout);
      resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', () => resolve(undefined));
    child.once('close', () => resolve(undefined));
  });
  if (port === undefined) {
    await stop();
    throw new Error(`Cannot start "./polyarch serve": ${output.trim() || 'it said no address'}`);
  }
  return { host: `localhost:${port}`, stop };
}
