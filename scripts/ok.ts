import { join } from 'node:path';
import { checkout, type Part, type PartResult, runPart, totals } from './run-parts.ts';

const shards = ['1/2', '2/2'];

const parts: readonly Part[] = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  {
    name: 'types',
    command: [
      'tsc',
      '--noEmit',
      '--incremental',
      '--tsBuildInfoFile',
      'node_modules/.cache/types.tsbuildinfo',
    ],
  },
  ...shards.map((shard) => ({
    name: `unit tests ${shard}`,
    command: [
      ...['node', '--test', '--test-isolation=none', `--test-shard=${shard}`],
      ...['src/**/*.test.ts', 'test/*.test.ts'],
    ],
    tests: true,
    env: { NODE_COMPILE_CACHE: join(checkout, 'node_modules/.cache/compile-tests') },
  })),
];

/** The quick checks, side by side. */
export async function runQuickChecks(): Promise<PartResult[]> {
  return await Promise.all(parts.map((part) => runPart(part, { live: false })));
}

if (import.meta.main) {
  const results = await runQuickChecks();
  process.stdout.write(`\n${totals(results)}\n`);
  if (!results.every((result) => result.ok)) process.exitCode = 1;
}
