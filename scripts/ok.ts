import { type Part, type PartResult, runPart, totals } from './run-parts.ts';

const parts: readonly Part[] = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  {
    name: 'unit tests',
    command: ['node', '--test', '--test-isolation=none', 'src/**/*.test.ts', 'test/*.test.ts'],
    tests: true,
  },
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
