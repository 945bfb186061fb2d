import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { goldensDirectory, readCases } from '../test/build-goldens/case-file.ts';
import { isSame, judge } from '../test/build-goldens/judge.ts';
import type { Recorded, RecordedGroup } from '../test/build-goldens/outcome.ts';
import { recordParserGoldens } from '../test/build-goldens/parser-outcome.ts';
import { loadIntoPeer, peerBuild, peerVersion } from '../test/build-goldens/peer-build.ts';
import { baseName, Workbench } from '../test/build-goldens/workbench.ts';

const usage = `Builds the cases of test/goldens/build with docker's BuildKit and with polyarch, and records what comes out.

Usage: node scripts/record-goldens.ts [--ours] [--frontends REPOSITORY] [PREFIX…]
       node scripts/record-goldens.ts --parser

  PREFIX   record only the cases whose group/name begins so; default all
  --parser write what our parser makes of the files in test/goldens/dockerfile
  --ours   build with polyarch only: show what differs from what is recorded, and record our error texts anew
  --frontends REPOSITORY
           where the peer finds the frontend's images of cases that name a version of it; default docker/dockerfile
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ours: { type: 'boolean', default: false },
    frontends: { type: 'string', default: 'docker/dockerfile' },
    parser: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

if (values.parser) {
  for (const name of recordParserGoldens()) process.stdout.write(`wrote ${name}\n`);
  process.exit(0);
}

const groupFile = (group: string) => join(goldensDirectory, group, 'recorded.json');
function readGroup(group: string, peer: string): RecordedGroup {
  const file = groupFile(group);
  if (!existsSync(file)) return { peer, cases: {} };
  return JSON.parse(readFileSync(file, 'utf8')) as RecordedGroup;
}

const bench = await Workbench.open();
try {
  const peer = values.ours ? '' : await peerVersion();
  if (!values.ours) await loadIntoPeer(bench.layout, baseName);
  const cases = readCases(positionals);
  const all = new Set(readCases().map(({ id }) => id));
  let wrong = 0;
  for (const golden of cases) {
    const group = dirname(golden.id);
    const before = readGroup(group, peer);
    const context = bench.prepare(golden);
    const ours = await bench.build(context, golden);
    const known = before.cases[golden.id.slice(group.length + 1)];
    const theirs = values.ours
      ? known?.peer
      : await peerBuild(context, golden, {
          base: bench.base,
          address: bench.address,
          frontends: values.frontends,
        });
    if (theirs === undefined) throw new Error(`${golden.id} was never recorded`);
    const recorded: Recorded = isSame(ours, theirs) ? { peer: theirs } : { peer: theirs, ours };
    const problem = judge(golden, recorded, ours);
    if (problem !== undefined) wrong++;
    process.stdout.write(
      `${problem === undefined ? 'ok   ' : 'WRONG'} ${golden.id}${problem === undefined ? '' : `\n${problem}`}\n`,
    );
    const kept = problem === undefined ? recorded : { peer: theirs };
    const entries = Object.entries({ ...before.cases, [golden.id.slice(group.length + 1)]: kept });
    const sorted = entries
      .filter(([name]) => all.has(`${group}/${name}`))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const next = { peer: values.ours ? before.peer : peer, cases: Object.fromEntries(sorted) };
    writeFileSync(groupFile(group), `${JSON.stringify(next, undefined, 1)}\n`);
  }
  process.stdout.write(`${cases.length} cases, ${wrong} wrong\n`);
  if (wrong > 0) process.exitCode = 1;
} finally {
  await bench.close();
}
