import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Contender, compare } from './harness.ts';
import { ownNode } from './programs.ts';
import type { Comparison } from './report.ts';

const files = 50_000;
const filesInDirectory = 50;

interface Scan {
  readonly milliseconds: number;
  readonly read: number;
  readonly digest: string;
}

/** A context of 50,000 files that an earlier build has read: what finding that nothing changed costs, modules loaded; and what `find` takes for the same calls. */
export async function contextScan(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-scan-'));
  const [context, remembered] = [join(directory, 'context'), join(directory, 'remembered')];
  const scan = () => {
    const args = [join(import.meta.dirname, 'scan-once.ts'), context, remembered];
    return JSON.parse(execFileSync(ownNode, args, { encoding: 'utf8' })) as Scan;
  };
  try {
    writeFiles(context);
    // What was written within the last tick of the clock is not remembered.
    await setTimeout(100);
    const cold = scan();
    if (cold.read !== files) throw new Error(`the first scan read ${cold.read} files`);
    const inProcess: number[] = [];
    const contenders: Contender[] = [
      {
        name: 'the scan in a process of its own',
        run: () => {
          const found = scan();
          if (found.read !== 0) throw new Error(`${found.read} files were read again`);
          if (found.digest !== cold.digest) throw new Error('the digest changed');
          inProcess.push(found.milliseconds);
        },
      },
      {
        name: "find -printf '%s %T@ %C@ %i'",
        run: () => {
          execFileSync('find', [context, '-printf', '%p %s %T@ %C@ %i\n'], { stdio: 'ignore' });
        },
      },
    ];
    const rounds = options.rounds ?? 10;
    const measurements = await compare(contenders, { rounds, onRound: options.onRound });
    const scans = { name: 'scan, nothing changed', milliseconds: inProcess.slice(-rounds) };
    return [{ title: `context-scan: ${files} files`, measurements: [scans, ...measurements], missing: [] }];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writeFiles(context: string): void {
  for (let position = 0; position < files; position++) {
    const number = Math.floor(position / filesInDirectory);
    const folder = join(context, `d${number % 20}`, `e${number}`);
    if (position % filesInDirectory === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file${position}.ts`), `export const value = ${position};\n`);
  }
}
