import { type Command, InvalidArgumentError, Option } from 'commander';
import { type BuildImageOptions, type BuiltImage, buildImage } from '../app/build.ts';
import { failure } from '../lib/errors.ts';
import { formatPlatform } from '../oci/platform.ts';
import { addCallOptions, type CallFlags, callOf, runCall } from './call/call.ts';
import { count } from './count.ts';
import { append } from './option-lists.ts';
import { type ProgressMode, progressRenderer } from './progress.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { renderBuilt } from './render-built.ts';
import { type ResourceFlags, resourceOptions } from './resource-options.ts';
import { type SandboxFlags, sandboxOption } from './sandbox-option.ts';
import { writeMetadata } from './write-metadata.ts';

export interface BuildFlags extends RegistryFlags, SandboxFlags, CallFlags, ResourceFlags {
  readonly file?: string;
  readonly buildContext: string[];
  readonly tag: string[];
  readonly platform: string[];
  readonly target?: string;
  readonly buildArg: string[];
  readonly parallel?: number;
  readonly cache: boolean;
  readonly cacheFrom: string[];
  readonly cacheTo: string[];
  readonly cacheMountsFrom: string[];
  readonly cacheMountsTo: string[];
  readonly cacheRepo?: string;
  readonly cacheTtl?: string;
  readonly push?: boolean;
  /** True: push. */
  readonly output?: boolean;
  readonly network: 'host' | 'none' | 'default';
  readonly emulation: boolean;
  readonly secret: string[];
  readonly ssh: string[];
  readonly allow: string[];
  readonly addHost: string[];
  readonly ulimit: string[];
  readonly shmSize?: string;
  readonly gc?: string;
  readonly progress: ProgressMode;
  readonly metadataFile?: string;
  readonly quiet?: boolean;
}

/** `type=image`, `type=image,push=true` and `type=registry`, buildx's spelling; the short form is the type alone. Of several one that pushes is enough. */
function parseOutput(text: string, pushed = false): boolean {
  const fields = text.split(',').map((field) => field.trim());
  const type = fields
    .find((field) => !field.includes('=') || field.startsWith('type='))
    ?.replace(/^type=/, '');
  const others = fields.filter((field) => field.includes('=') && !field.startsWith('type='));
  const unknown = others.find((field) => !/^push=(true|false)$/.test(field));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is not supported yet.`);
  if (type !== 'image' && type !== 'registry') {
    throw new InvalidArgumentError(`type "${type ?? ''}" is not supported yet: image and registry are.`);
  }
  return pushed || type === 'registry' || others.includes('push=true');
}

/** The command's options, without what it does. */
export function defineBuild(program: Command): Command {
  program
    .description('Build a multi-platform image from a Dockerfile.')
    .argument('<context>', 'directory, git repository, URL of a tar, or - for one on standard input')
    .option('-f, --file <path>', 'the Dockerfile, its URL, or - (default: CONTEXT/Dockerfile)')
    .option(
      '--build-context <name=value>',
      'another context: directory, URL, docker-image://, oci-layout://, target:',
      append,
      [],
    )
    .option('-t, --tag <reference>', 'name of the result; may be given several times', append, [])
    .option(
      '--platform <list>',
      'platforms, comma separated; linux/riscv64? is left out where it fails (default: this machine’s)',
      append,
      [],
    )
    .option('--target <stage>', 'stage to build (default: the last)')
    .option('--build-arg <name=value>', 'value of an ARG; NAME alone takes the environment’s', append, [])
    .option('--parallel <count>', 'most steps at a time (default: one a processor thread)', count(1, 1024))
    .option('--no-cache', 'run every step again')
    .option(
      '--cache-from <spec>',
      'steps made elsewhere: type=registry,ref=REF or type=local,src=DIR',
      append,
      [],
    )
    .option(
      '--cache-to <spec>',
      'where to leave steps: type=registry,ref=REF, type=local,dest=DIR (mode=max: of all stages), type=inline',
      append,
      [],
    )
    .option('--cache-repo <repository>', 'look steps up in a repository and leave them there, one tag each')
    .option('--cache-ttl <duration>', 'how old steps of --cache-repo may be (default: 336h)')
    .option(
      '--cache-mounts-from <spec>',
      'what new cache mounts begin with: type=registry,ref=REF or type=local,src=DIR',
      append,
      [],
    )
    .option(
      '--cache-mounts-to <spec>',
      'where to leave the cache mounts that steps used: type=registry,ref=REF or type=local,dest=DIR',
      append,
      [],
    )
    .option('--push', 'push the result to the registry that its name says')
    .option('-o, --output <spec>', 'type=image (the local store) or type=registry (as --push)', parseOutput)
    .addOption(
      new Option('--network <mode>', 'network of RUN steps')
        .choices(['default', 'host', 'none'])
        .default('default'),
    )
    .addOption(sandboxOption())
    .option('--no-emulation', 'refuse platforms whose RUN steps this machine would have to emulate')
    .option(
      '--secret <spec>',
      'id=NAME,src=FILE or id=NAME,env=VARIABLE for RUN --mount=type=secret',
      append,
      [],
    )
    .option(
      '--ssh <spec>',
      'default or ID[=SOCKET|KEY]: an agent, or keys without passphrase, for RUN --mount=type=ssh',
      append,
      [],
    )
    .option(
      '--allow <entitlement>',
      'security.insecure for RUN --security=insecure; network.host, which steps have',
      append,
      [],
    )
    .option('--add-host <name:address>', 'a line in /etc/hosts of RUN steps', append, [])
    .option('--ulimit <name=soft[:hard]>', 'limit of RUN steps, as nofile=1024', append, [])
    .option('--shm-size <size>', '/dev/shm of RUN steps (default: 64m)');
  for (const option of resourceOptions()) program.addOption(option);
  program
    .option(
      '--gc <policy>',
      'what builds may leave here: off, or max-used-space=20g,reserved-space=2g,min-free-space=10%,keep-duration=14d (default: $POLYARCH_GC, else as BuildKit)',
    )
    .addOption(
      new Option('--progress <mode>', 'how progress is shown')
        .choices(['auto', 'tty', 'plain', 'quiet', 'json'])
        .default('auto'),
    )
    .option('--metadata-file <path>', 'write digests, names and platforms of the result there as JSON')
    .option('-q, --quiet', 'print nothing but the digest');
  addCallOptions(program);
  return addRegistryOptions(program, { creds: false });
}

/** The options of the use-case, as the command line has them. */
export function buildImageOptions(context: string, flags: BuildFlags): BuildImageOptions {
  return {
    context,
    file: flags.file,
    contexts: flags.buildContext,
    tags: flags.tag,
    platforms: flags.platform,
    target: flags.target,
    buildArgs: flags.buildArg,
    parallel: flags.parallel,
    cache: flags.cache,
    caches: cacheSettings(flags),
    cacheMounts: mountsSettings(flags),
    network: flags.network === 'none' ? 'none' : 'host',
    sandbox: flags.sandbox,
    emulation: flags.emulation ? 'allow' : 'refuse',
    secrets: flags.secret,
    ssh: flags.ssh,
    allow: flags.allow,
    run: { addHosts: flags.addHost, ulimits: flags.ulimit, shmSize: flags.shmSize },
    resources: flags,
    gc: flags.gc,
    push: (flags.push ?? false) || (flags.output ?? false),
    registry: registrySettings(flags),
  };
}

function cacheSettings({ cacheFrom, cacheTo, cacheRepo, cacheTtl }: BuildFlags): BuildImageOptions['caches'] {
  if (cacheFrom.length + cacheTo.length === 0 && cacheRepo === undefined && cacheTtl === undefined)
    return undefined;
  return { from: cacheFrom, to: cacheTo, repository: cacheRepo, ttl: cacheTtl };
}

function mountsSettings({ cacheMountsFrom: from, cacheMountsTo: to }: BuildFlags) {
  return from.length + to.length === 0 ? undefined : { from, to };
}

/** `--call` makes nothing that could be pushed or told of. */
function refuseResults(method: string, directory: string, flags: BuildFlags): void {
  if (!flags.push && !flags.output && flags.metadataFile === undefined) return;
  throw failure('USAGE', 'build', directory, `--call ${method} builds nothing`, {
    hint: 'leave --push, -o and --metadata-file out',
  });
}

/** For the metadata file: each platform's digest, and why the others are not there. */
function platformFacts({ images, leftOut }: BuiltImage) {
  return {
    'polyarch.platforms': Object.fromEntries(
      images.map(({ platform, manifest }) => [formatPlatform(platform), manifest.digest]),
    ),
    'polyarch.leftOut': Object.fromEntries(
      leftOut.map(({ platform, error }) => [formatPlatform(platform), error.message]),
    ),
  };
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return defineBuild(program).action(async (directory: string, flags: BuildFlags) => {
    const { method, format } = callOf(flags);
    if (method !== 'build') {
      refuseResults(method, directory, flags);
      await runCall(method, format, { ...buildImageOptions(directory, flags), signal: context.signal });
      return;
    }
    const progress = await progressRenderer(flags.quiet ? 'quiet' : flags.progress, process.stderr);
    try {
      const built = await buildImage({
        ...buildImageOptions(directory, flags),
        signal: context.signal,
        onEvent: (event) => progress.onEvent(event),
      });
      progress.close();
      if (flags.metadataFile !== undefined)
        await writeMetadata(flags.metadataFile, built, platformFacts(built));
      process.stdout.write(flags.quiet ? `${built.root.digest}\n` : renderBuilt(built));
    } finally {
      progress.close();
    }
  });
}
