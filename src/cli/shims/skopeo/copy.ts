import { type Command, Option } from 'commander';
import { failure } from '../../../lib/errors.ts';
import type { Location } from '../../../oci/location.ts';
import { parseReference } from '../../../oci/reference.ts';
import { append } from '../../option-lists.ts';
import { writeResultFile } from '../../write-result-file.ts';
import { type GlobalFlags, systemPlatform, withTimeout } from './global-options.ts';
import { manifestFamily, manifestTypeOption } from './manifest-type.ts';
import {
  addSkopeoRegistryOptions,
  type SkopeoRegistryFlags,
  skopeoRegistrySettings,
} from './registry-flags.ts';
import { skopeoLocation } from './skopeo-location.ts';

interface Flags extends SkopeoRegistryFlags, GlobalFlags {
  readonly all?: true;
  readonly multiArch?: 'system' | 'all' | 'index-only';
  readonly preserveDigests?: true;
  readonly additionalTag?: string[];
  readonly digestfile?: string;
  readonly quiet?: true;
  readonly format?: string;
  readonly destCompressFormat?: 'gzip' | 'zstd';
  readonly destForceCompressFormat?: true;
  readonly removeSignatures?: true;
  readonly srcDaemonHost?: string;
  readonly destDaemonHost?: string;
  readonly dryRun?: true;
}

export function copyCommand(program: Command, { signal }: { signal: AbortSignal }): Command {
  const command = program
    .command('copy')
    .summary('copy an image')
    .argument('<source>', 'TRANSPORT:NAME')
    .argument('<destination>', 'TRANSPORT:NAME')
    .option('-a, --all', 'the whole index, not this machine’s image alone')
    .addOption(new Option('--multi-arch <what>', 'what of an index').choices(['system', 'all', 'index-only']))
    .option('--preserve-digests', 'fail where a digest cannot stay')
    .option('--additional-tag <reference>', 'one more name in a docker-archive', append)
    .option('--digestfile <path>', 'write the digest')
    .option('-q, --quiet', 'print nothing')
    .addOption(manifestTypeOption())
    .addOption(new Option('--dest-compress-format <format>', 'of layers').choices(['gzip', 'zstd']))
    .option('--dest-force-compress-format', 'also of layers that are compressed otherwise')
    .option('--dest-precompute-digests', 'always so here')
    .option('--dest-oci-accept-uncompressed-layers', 'always so here')
    .option('--remove-signatures', 'leave signatures and other referrers behind')
    .option('--src-daemon-host <host>', 'the engine of docker-daemon:')
    .option('--dest-daemon-host <host>', 'the engine of docker-daemon:')
    .option('--dry-run', 'copy nothing')
    .action(async (source: string, destination: string) => {
      const flags = command.optsWithGlobals<Flags>();
      await runCopy(source, destination, flags, withTimeout(signal, flags));
    });
  return addSkopeoRegistryOptions(command, { sides: true });
}

async function runCopy(
  source: string,
  destination: string,
  flags: Flags,
  signal: AbortSignal,
): Promise<void> {
  const { copyLocations } = await import('../../../app/copy/copy.ts');
  if (flags.all && flags.multiArch !== undefined && flags.multiArch !== 'all') {
    throw failure('USAGE', 'use --multi-arch', flags.multiArch, 'it contradicts --all');
  }
  const what = flags.all ? 'all' : (flags.multiArch ?? 'system');
  const to = skopeoLocation(destination);
  const result = await copyLocations(skopeoLocation(source), [to, ...additional(to, flags)], {
    signal,
    ...(what === 'system' ? { only: systemPlatform(flags) } : {}),
    indexOnly: what === 'index-only',
    type: manifestFamily(flags.format),
    compression: flags.destCompressFormat,
    forceCompression: flags.destForceCompressFormat,
    referrers: !flags.removeSignatures,
    dryRun: flags.dryRun,
    sourceRegistry: skopeoRegistrySettings(flags, 'src'),
    targetRegistry: skopeoRegistrySettings(flags, 'dest'),
    env: withEngine(flags),
    onEvent: (event) => {
      if (flags.quiet || event.type !== 'blob') return;
      process.stdout.write(
        `${event.state === 'exists' ? 'Skipping' : 'Copying'} ${event.descriptor.digest}\n`,
      );
    },
  });
  if (flags.preserveDigests && what !== 'system' && result.digest !== result.sourceDigest) {
    throw failure('CONFLICT', 'keep', result.sourceDigest, `the copy has the digest ${result.digest}`);
  }
  if (!flags.quiet) for (const note of result.notes) process.stdout.write(`${note}\n`);
  if (flags.digestfile !== undefined && !flags.dryRun)
    await writeResultFile('--digestfile', flags.digestfile, result.digest);
}

function additional(to: Location, flags: Flags): Location[] {
  const names = flags.additionalTag ?? [];
  if (names.length > 0 && to.transport !== 'docker-archive') {
    throw failure('USAGE', 'use --additional-tag', names[0] ?? '', 'only a docker-archive takes it', {
      hint: 'polyarch copy takes several destinations',
    });
  }
  return to.transport === 'docker-archive'
    ? names.map((name) => ({ transport: 'docker-archive', path: to.path, reference: parseReference(name) }))
    : [];
}

function withEngine({ srcDaemonHost, destDaemonHost }: Flags): NodeJS.ProcessEnv {
  if (srcDaemonHost !== undefined && destDaemonHost !== undefined && srcDaemonHost !== destDaemonHost) {
    throw failure(
      'UNSUPPORTED',
      'use --dest-daemon-host',
      destDaemonHost,
      'another engine than the source’s',
    );
  }
  const host = srcDaemonHost ?? destDaemonHost;
  return host === undefined ? process.env : { ...process.env, DOCKER_HOST: host };
}
