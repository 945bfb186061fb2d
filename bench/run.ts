import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildBundle } from './programs.ts';

import { json, machine, machineLine, type Result, table } from './report.ts';

type Benchmark = (options: { rounds?: number; onRound: (line: string) => void }) => Promise<Result[]>;

/** Loaded when chosen, so that one benchmark's imports do not burden another. */
const benchmarks: Readonly<Record<string, { what: string; load: () => Promise<Benchmark> }>> = {
  startup: {
    what: '--version, against node and skopeo',
    load: async () => (await import('./startup.ts')).startup,
  },
  pack: {
    what: 'writing a layer, against GNU tar | pigz',
    load: async () => (await import('./pack.ts')).pack,
  },
  'context-scan': {
    what: 'a context of 50,000 files that did not change: found out from what an earlier build remembered',
    load: async () => (await import('./context-scan.ts')).contextScan,
  },
  plan: {
    what: 'a Dockerfile of 1,000 lines and 60 stages: parse and plan, and --check against BuildKit',
    load: async () => (await import('./plan.ts')).plan,
  },
  'build-cold': {
    what: 'nothing cached, against BuildKit',
    load: async () => (await import('./build.ts')).buildCold,
  },
  'build-warm': {
    what: 'the same build again, against BuildKit',
    load: async () => (await import('./build.ts')).buildWarm,
  },
  'build-copy': {
    what: 'both, of a Dockerfile with COPY alone, against BuildKit',
    load: async () => (await import('./build.ts')).buildCopy,
  },
  'build-large': {
    what: 'both, a base of 100 MB and packages unpacked, against BuildKit',
    load: async () => (await import('./build.ts')).buildLarge,
  },
  'build-edit': {
    what: 'one of 20,000 context files changed, against BuildKit',
    load: async () => (await import('./build.ts')).buildEdit,
  },
  'build-copy-only': {
    what: 'COPY alone on a base of 100 MB in the same registry, against BuildKit',
    load: async () => (await import('./build.ts')).buildCopyOnly,
  },
  'snapshot-scale': {
    what: 'a RUN that writes one file, on 1,000, 10,000 and 100,000 files',
    load: async () => (await import('./build.ts')).snapshotScale,
  },
  'index-create': {
    what: 'four platforms under one name, against docker manifest, crane and buildah',
    load: async () => (await import('./index-create.ts')).indexCreate,
  },
  'build-two-platforms': {
    what: 'both, against BuildKit and buildah',
    load: async () => (await import('./build.ts')).buildTwoPlatforms,
  },
  'copy-index': {
    what: '6 platforms, 600 MB, to a registry and to an OCI layout, against skopeo and crane',
    load: async () => (await import('./copy.ts')).copyIndex,
  },
  'copy-noop': {
    what: 'the same again, with nothing to do',
    load: async () => (await import('./copy.ts')).copyNoop,
  },
  inspect: {
    what: 'an index of 6 platforms, raw and as a table, against skopeo and crane',
    load: async () => (await import('./inspect.ts')).inspect,
  },
  'copy-small': {
    what: '200 images of 5 small layers: sync of a repository, against skopeo',
    load: async () => (await import('./copy.ts')).copySmall,
  },
  'copy-killed': {
    what: 'a copy of 1 GiB, killed in the middle, and the same command again: what is sent, against skopeo',
    load: async () => (await import('./copy-killed.ts')).copyKilled,
  },
  'copy-memory': {
    what: 'peak memory of a copy of one blob, of 256 MiB and of 4 GiB',
    load: async () => (await import('./copy-memory.ts')).copyMemory,
  },
};

const usage = `Usage: npm run bench -- NAME [--rounds N] [--json FILE] [--verbose]

${Object.entries(benchmarks)
  .map(([name, { what }]) => `  ${name.padEnd(20)} ${what}`)
  .join('\n')}

  --rounds N    timed rounds
  --json FILE   writes the figures there; without it they follow the tables on one line
  --verbose     shows each round on stderr
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    json: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const [name = '', ...rest] = positionals;
const chosen = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (
  chosen === undefined ||
  rest.length > 0 ||
  (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
) {
  process.stderr.write(usage);
  process.exit(2);
}

buildBundle();
const benchmark = await chosen.load();
const results = await benchmark({
  ...(rounds === undefined ? {} : { rounds }),
  onRound: values.verbose ? (line) => process.stderr.write(`${line}\n`) : () => {},
});
const here = machine();
process.stdout.write(`${machineLine(here)}\n\n${results.map(table).join('\n')}\n`);
const figures = `${json(name, here, results)}\n`;
if (values.json === undefined) process.stdout.write(figures);
else writeFileSync(values.json, figures);
