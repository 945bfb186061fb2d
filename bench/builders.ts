import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { BuildFixture } from './build-fixture.ts';
import type { Contender } from './harness.ts';
import { isRegisteredOnHost, setHostEmulator } from './host-emulators.ts';
import { peakNodeMemory } from './peak-memory.ts';
import { bundle, findPeer, ownNode, polyarch, run } from './programs.ts';

/**
 * `cold`: nothing is cached, the target repository is new. `warm`: the same build again, to the same tag. `edit`: to the same tag, with something
 * changed.
 */
export type Temperature = 'cold' | 'warm' | 'edit';

/** What the benchmarks do with a builder. */
interface Builder {
  readonly name: string;
  /** Builds and pushes `registry/repository:1`. */
  build(repository: string): Promise<void>;
  /** Forgets all that earlier builds left. */
  forget(): Promise<void>;
  /** Not timed, before each build. */
  ready?(): Promise<void>;
  /** Not timed, after each build. */
  settled?(): Promise<void>;
}

const platformsOf = ({ subject }: BuildFixture): string => subject.platforms.join(',');

const published = { name: 'polyarch build --push', program: [ownNode, bundle] } as const;
const fromSources = { name: 'polyarch build --push (checkout)', program: [polyarch] } as const;

/** All of ours share one cache. */
function polyarchBuilder(
  fixture: BuildFixture,
  { name, program: [file, ...words] }: { name: string; program: readonly [string, ...string[]] },
) {
  const home = join(fixture.directory, 'polyarch-home');
  const env = { ...process.env, POLYARCH_HOME: home };
  const argv = (repository: string): string[] => {
    const tag = `${fixture.registry}/${repository}:1`;
    return [...words, 'build', '--platform', platformsOf(fixture), '-t', tag, '--push', fixture.context];
  };
  return {
    name,
    async build(repository: string) {
      await run(file, argv(repository), { env });
    },
    /** Builds like `build`; bytes. */
    peakMemory: (repository: string) => peakNodeMemory(file, argv(repository), { env }),
    async forget() {
      // Trees in it may belong to subordinate ids; root, who runs the peers, may delete them.
      rmSync(home, { recursive: true, force: true });
      mkdirSync(home);
    },
    async ready() {
      if (!setHostEmulator(false)) throw new Error("Cannot switch off the host's emulator: run as root");
    },
    async settled() {
      setHostEmulator(true);
    },
  };
}

function buildxBuilder(fixture: BuildFixture, docker: string): Builder {
  const options = ['--network', 'host', '--provenance=false', '--platform', platformsOf(fixture)];
  const built = new Set<string>();
  return {
    name: 'docker buildx build --push',
    async build(repository) {
      const tag = `${fixture.registry}/${repository}:1`;
      built.add(tag);
      await run(docker, ['buildx', 'build', '-q', ...options, '-t', tag, '--push', fixture.context]);
    },
    async forget() {
      // With the containerd store dockerd names and unpacks what it pushes: that keeps the base's blobs and files, which pruning the cache does not take.
      for (const tag of built) await run(docker, ['image', 'rm', '--force', tag]).catch(() => {});
      built.clear();
      await run(docker, ['builder', 'prune', '-af']);
    },
  };
}

function buildahBuilder(fixture: BuildFixture, buildah: string): Builder {
  const auth = join(fixture.directory, 'auth.json');
  writeFileSync(auth, '{}');
  const { DOCKER_CONFIG: _ignored, ...rest } = process.env;
  const env = { ...rest, REGISTRY_AUTH_FILE: auth };
  const call = async (...args: string[]) => await run(buildah, args, { env, cwd: fixture.context });
  const options = ['--layers', '--network', 'host', '--tls-verify=false', '--platform', platformsOf(fixture)];
  const manifest = 'localhost/polyarch-bench';
  return {
    name: 'buildah build; buildah manifest push --all',
    async build(repository) {
      await call('build', ...options, '--manifest', manifest, fixture.context);
      const target = `docker://${fixture.registry}/${repository}:1`;
      await call('manifest', 'push', '--all', '--tls-verify=false', manifest, target);
    },
    async forget() {
      await call('rmi', '--all', '--force');
    },
    async ready() {
      // A manifest list that is there already would be appended to.
      await call('manifest', 'rm', manifest).catch(() => {});
    },
  };
}

function contender(fixture: BuildFixture, builder: Builder, temperature: Temperature): Contender {
  const name = builder.name.split(' ')[0] ?? '';
  const repository = (round: number) =>
    temperature === 'cold' ? `${name}/cold${round}` : `${name}/${temperature}`;
  return {
    name: builder.name,
    async prepare() {
      if (temperature === 'cold') await builder.forget();
      if (temperature === 'edit') fixture.subject.edit?.(fixture.context);
      await builder.ready?.();
    },
    run: (round) => builder.build(repository(round)),
    async check(round) {
      await builder.settled?.();
      await fixture.check(repository(round), '1');
    },
  };
}

/** A step that is not built yet is refused before anything is done: that is no failure of the benchmark. */
async function refusalOf(builder: Builder): Promise<string | undefined> {
  await builder.forget();
  try {
    await builder.build('probe');
  } catch (error) {
    const refusal = /^error: (.*is not supported yet.*)$/m.exec(String(error))?.[1];
    if (refusal === undefined) throw error;
    return refusal;
  }
  return undefined;
}

/** The sum of the peaks of our Node processes' resident memory in one build of its own, which is not timed: bytes. */
export async function peakMemory(fixture: BuildFixture, temperature: Temperature): Promise<number> {
  const builder = polyarchBuilder(fixture, published);
  if (temperature === 'cold') await builder.forget();
  if (temperature === 'edit') fixture.subject.edit?.(fixture.context);
  await builder.ready();
  try {
    return await builder.peakMemory('memory');
  } finally {
    await builder.settled();
  }
}

/** Ours first, then the peers that are there. `emulates`: the Dockerfile runs foreign programs. `withBuildah`: it is slow. */
export async function builders(
  fixture: BuildFixture,
  temperature: Temperature,
  options: { withBuildah: boolean; emulates: boolean },
): Promise<{ contenders: Contender[]; missing: string[] }> {
  const found: Builder[] = [];
  const missing: string[] = [];
  const ours = polyarchBuilder(fixture, published);
  const refusal = await refusalOf(ours);
  if (refusal === undefined) {
    found.push(ours);
    // Starting from sources is much of what a warm build takes.
    if (temperature === 'warm') found.push(polyarchBuilder(fixture, fromSources));
  } else missing.push(`polyarch build: ${refusal}; ratios are to the first row`);
  const unregistered = "needs an emulator in the host's binfmt table, and there is none";
  for (const [program, make, wanted] of [
    ['docker', buildxBuilder, true],
    ['buildah', buildahBuilder, options.withBuildah],
  ] as const) {
    if (!wanted) continue;
    const path = findPeer(program);
    if (path === undefined) missing.push(`${program}: not installed`);
    else if (options.emulates && !isRegisteredOnHost()) missing.push(`${program}: ${unregistered}`);
    else found.push(make(fixture, path));
  }
  return { contenders: found.map((builder) => contender(fixture, builder, temperature)), missing };
}
