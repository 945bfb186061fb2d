import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One command of a check; `tests` when it is `node --test`, whose results are counted. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly tests?: boolean;
  /** Besides what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface PartResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const checkout = join(import.meta.dirname, '..');
const reporter = join(import.meta.dirname, 'count-reporter.mjs');

const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.exitCode = 130;
  });
}

function withReporters(command: readonly string[], counts: string): string[] {
  const [file = '', first = '', ...rest] = command;
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${counts}`,
  ];
  return [file, first, ...reporters, ...rest];
}

/** Counts of a run that ended before it could report: it failed, whatever it did before. */
const noCounts = { passed: 0, failed: 1, skipped: 0 };

function readCounts(path: string): typeof noCounts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as typeof noCounts;
  } catch {
    return noCounts;
  }
}

/**
 * Runs a part with the checkout's Node and tools. `live` hands its output through as it comes; else the output is
 * shown whole when the part has ended, so that parts that run side by side do not mix theirs.
 */
export async function runPart(part: Part, options: { live: boolean }): Promise<PartResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-part-'));
  const counts = join(scratch, 'counts.json');
  const [file = '', ...args] = part.tests ? withReporters(part.command, counts) : part.command;
  const started = performance.now();
  const PATH = `${join(checkout, 'node_modules/.bin')}:${process.env.PATH ?? ''}`;
  const env = { ...process.env, PATH, ...part.env };
  try {
    const child = spawn(file, args, {
      cwd: checkout,
      env,
      stdio: ['ignore', options.live ? 'inherit' : 'pipe', options.live ? 'inherit' : 'pipe'],
    });
    running.add(child);
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
    const ok = await new Promise<boolean>((resolve) => {
      child.on('error', (error) => {
        output.push(Buffer.from(`${error.message}\n`));
        resolve(false);
      });
      child.on('close', (code) => resolve(code === 0));
    });
    running.delete(child);
    const seconds = (performance.now() - started) / 1000;
    if (!options.live) {
      process.stdout.write(`── ${part.name}: ${ok ? 'ok' : 'FAILED'} (${seconds.toFixed(1)} s)\n`);
      process.stdout.write(Buffer.concat(output));
    }
    const counted = part.tests ? readCounts(counts) : { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
    const failed = ok ? counted.failed : Math.max(1, counted.failed);
    return { ...counted, failed, name: part.name, ok, seconds };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The last line of a run of several parts: what a reader, or a machine, looks for. */
export function totals(results: readonly PartResult[]): string {
  const sum = (key: 'passed' | 'failed' | 'skipped') => results.reduce((total, one) => total + one[key], 0);
  return `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`;
}
