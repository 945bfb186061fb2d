import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type GoldenCase, goldensDirectory, readCases } from '../build-goldens/case-file.ts';
import { judge } from '../build-goldens/judge.ts';
import type { RecordedGroup } from '../build-goldens/outcome.ts';
import { Workbench } from '../build-goldens/workbench.ts';

const groups = Map.groupBy(readCases(), ({ id }) => dirname(id));
const runs = ({ files, images }: GoldenCase) =>
  [...files.map(({ text }) => text), ...images.values()].some((text) =>
    /^\s*(?:onbuild\s+)?run\b/im.test(text),
  );

describe('Dockerfiles build to what BuildKit makes of them', { timeout: 600_000 }, () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench.close());
  for (const [group, cases] of groups) {
    const recorded = JSON.parse(
      readFileSync(join(goldensDirectory, group, 'recorded.json'), 'utf8'),
    ) as RecordedGroup;
    describe(`${group} (${recorded.peer})`, { concurrency: 2 }, () => {
      for (const golden of cases) {
        const name = golden.id.slice(group.length + 1);
        test(name, {
          skip: runs(golden) && process.platform !== 'linux' ? 'needs Linux' : false,
        }, async () => {
          const known = recorded.cases[name];
          assert.ok(known, `record it: node scripts/record-goldens.ts ${golden.id}`);
          const problem = judge(golden, known, await bench.build(bench.prepare(golden), golden));
          if (problem !== undefined) assert.fail(problem);
        });
      }
    });
  }
});
