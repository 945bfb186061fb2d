import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { ownNode } from './programs.ts';

const pollMilliseconds = 10;

/** Runs polyarch to its end. Resolves to the peaks of resident memory of its Node processes, its keeper's too, added up: bytes. */
export async function peakNodeMemory(
  file: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv },
): Promise<number> {
  const child = spawn(file, args, { ...options, stdio: 'ignore' });
  const peaks = new Map<number, number>();
  const timer = setInterval(() => look(child, peaks), pollMilliseconds);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`Cannot run "${file} ${args.join(' ')}": exit ${code}`);
  return [...peaks.values()].reduce((sum, peak) => sum + peak, 0);
}

function look({ pid }: ChildProcess, peaks: Map<number, number>): void {
  const node = realpathSync(ownNode);
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = read(
      () => / (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'latin1').replace(/^.*\) ./s, ''))?.[1],
    );
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  for (const found of parents.keys()) {
    let at: number | undefined = found;
    while (at !== undefined && at !== pid) at = parents.get(at);
    if (at === undefined || read(() => readlinkSync(`/proc/${found}/exe`)) !== node) continue;
    // Forked, about to become another program: its pages are its parent's.
    if (found !== pid && wordsOf(found) === wordsOf(parents.get(found) ?? 0)) continue;
    const peak = read(
      () => /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${found}/status`, 'latin1'))?.[1],
    );
    if (peak !== undefined) peaks.set(found, Math.max(peaks.get(found) ?? 0, Number(peak) * 1024));
  }
}

function wordsOf(process: number): string | undefined {
  return read(() => readFileSync(`/proc/${process}/cmdline`, 'latin1'));
}

/** Undefined for what has ended meanwhile. */
function read(use: () => string | undefined): string | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
