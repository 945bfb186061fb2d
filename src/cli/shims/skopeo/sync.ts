import type { Command } from 'commander';
import { exitAsFailed, runSync, type SyncFlags } from '../../sync.ts';
import { type GlobalFlags, systemPlatform, withTimeout } from './global-options.ts';
import { manifestFamily, manifestTypeOption } from './manifest-type.ts';
import {
  addSkopeoRegistryOptions,
  type SkopeoRegistryFlags,
  skopeoRegistrySettings,
} from './registry-flags.ts';

interface Flags extends SkopeoRegistryFlags, GlobalFlags {
  readonly all?: true;
  readonly src: string;
  readonly dest: string;
  readonly scoped?: true;
  readonly appendSuffix: string;
  readonly keepGoing?: true;
  readonly dryRun?: true;
  readonly digestfile?: string;
  readonly format?: string;
  readonly removeSignatures?: true;
}

export function syncCommand(program: Command, { signal }: { signal: AbortSignal }): Command {
  const command = program
    .command('sync')
    .summary('copy all images of a repository or a list')
    .argument('<source>', 'a repository, or with --src yaml a file')
    .argument('<destination>', 'a registry, or with --dest oci or dir a directory')
    .requiredOption('-s, --src <transport>', 'docker or yaml')
    .requiredOption('-d, --dest <transport>', 'docker, oci or dir')
    .option('-a, --all', 'whole indexes, not this machine’s images alone')
    .option('--scoped', 'put the whole source name below the destination')
    .option('--append-suffix <text>', 'put this behind every tag', '')
    .option('--keep-going', 'go on when one fails')
    .option('--dry-run', 'copy nothing')
    .option('--digestfile <path>', 'write a line for each image')
    .option('--preserve-digests', 'digests stay here, unless --format is given')
    .option('--remove-signatures', 'leave signatures and other referrers behind')
    .addOption(manifestTypeOption())
    .action(async (source: string, destination: string) => {
      const flags = command.optsWithGlobals<Flags>();
      const { src, dest, appendSuffix, scoped, keepGoing, dryRun, digestfile } = flags;
      const type = manifestFamily(flags.format);
      const settings: SyncFlags = {
        src,
        dest,
        appendSuffix,
        referrers: !flags.removeSignatures,
        ...(scoped && { scoped }),
        ...(keepGoing && { keepGoing }),
        ...(dryRun && { dryRun }),
        ...(digestfile !== undefined && { digestFile: digestfile }),
        ...(type !== undefined && { type }),
        ...(flags.all ? {} : { only: systemPlatform(flags) }),
      };
      const registries = {
        source: skopeoRegistrySettings(flags, 'src'),
        target: skopeoRegistrySettings(flags, 'dest'),
      };
      exitAsFailed(await runSync(source, destination, settings, withTimeout(signal, flags), registries));
    });
  return addSkopeoRegistryOptions(command, { sides: true });
}
