import { globSync } from 'node:fs';
import { join } from 'node:path';

import { runQuickChecks } from './ok.ts';
import { checkout, type PartResult, runPart, totals } from './run-parts.ts';

/** One file at a time: they share this machine's ports, mounts and two cores. */
const slow = ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts'];

const results: PartResult[] = await runQuickChecks();
const files = globSync(slow, { cwd: checkout }).sort();
if (files.length > 0) {
  process.stdout.write('\n── integration and end-to-end tests\n');
  const command = ['node', '--test', '--test-concurrency=1', ...files];
  // Each file is a process of its own, and starts others from the sources.
  const env = { NODE_COMPILE_CACHE: join(checkout, 'node_modules/.cache/compile-tests') };
  results.push(
    await runPart({ name: 'integration and end-to-end', command, tests: true, env }, { live: true }),
  );
}
process.stdout.write(`\n${totals(results)}\n`);
if (!results.every((result) => result.ok)) process.exitCode = 1;
