import { type Command, Option } from 'commander';
import type { CopyImageEvent, CopyResult } from '../app/copy/copy.ts';
import type { ManifestFamily } from '../transfer/rewrite/docker-types.ts';
import { counted } from './counted.ts';
import { appendAll } from './option-lists.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { formatBytes } from './table.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';
import { writeResultFile } from './write-result-file.ts';

export interface CopyFlags extends RegistryFlags {
  readonly platform?: string[];
  readonly sparse?: true;
  readonly referrers: boolean;
  readonly type?: ManifestFamily;
  readonly compression?: 'gzip' | 'zstd' | 'none';
  readonly forceCompression?: true;
  readonly digestFile?: string;
  readonly dryRun?: true;
  readonly quiet?: true;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Copy an image with every platform, its attestations, signatures and whatever else refers to it; digests stay. A bare name is a registry’s; oci:DIR[:NAME], oci-archive:FILE[:NAME], dir:DIR, docker-archive:FILE[:NAME], docker-daemon:NAME and local:NAME are elsewhere, and “-” as FILE is standard input or output.',
    )
    .argument('<source>', 'an image')
    .argument('<destination...>', 'where it goes; several names at once')
    .option('--platform <list>', 'these platforms only, comma separated: a new index of those', appendAll)
    .option('--sparse', 'with --platform: keep the index and its digest, though it names what stays behind')
    .option('--no-referrers', 'leave signatures, SBOMs and other referrers behind')
    .addOption(
      new Option('--type <type>', 'rewrite manifests into these media types').choices(['oci', 'docker']),
    )
    .addOption(
      new Option('--compression <format>', 'compress layers that are not compressed').choices([
        'gzip',
        'zstd',
        'none',
      ]),
    )
    .option('--force-compression', 'with --compression: layers of another compression too')
    .option('--digest-file <path>', 'write the digest of what was copied')
    .option('--dry-run', 'say what would move, and move nothing')
    .option('-q, --quiet', 'print the digest only')
    .action(async (source: string, destinations: string[], flags: CopyFlags) => {
      const { copy } = await import('../app/copy/copy.ts');
      const result = await copy(source, destinations, {
        signal: context.signal,
        platforms: flags.platform,
        sparse: flags.sparse,
        referrers: flags.referrers,
        type: flags.type,
        compression: flags.compression,
        forceCompression: flags.forceCompression,
        dryRun: flags.dryRun,
        sourceRegistry: registrySettings(flags, 'src'),
        targetRegistry: registrySettings(flags, 'dest'),
        onEvent: showEvent(flags),
      });
      if (flags.digestFile !== undefined && !flags.dryRun)
        await writeResultFile('--digest-file', flags.digestFile, result.digest);
      // An archive on standard output has the stream to itself.
      const out = result.targets.some((target) => /^[a-z-]+-archive:-(?:$|:)/.test(target))
        ? process.stderr
        : process.stdout;
      out.write(flags.quiet ? `${result.digest}\n` : renderCopied(result, flags));
    });
  return addRegistryOptions(program, { sides: true });
}

/** What is there already is told in the summary only. */
export function showEvent(flags: { quiet?: true | undefined; dryRun?: true | undefined }) {
  return (event: CopyImageEvent): void => {
    if (event.type === 'blob' && (flags.quiet || event.state === 'exists')) return;
    const would = flags.dryRun && event.type === 'blob' ? 'would be ' : '';
    tellTransferEvent(event, would);
  };
}

export function renderCopied(result: CopyResult, flags: { dryRun?: true | undefined }): string {
  const { copied, mounted, exists } = result.counts;
  const parts = [
    `${counted(copied.contents, 'content')} ${flags.dryRun ? 'to copy' : 'copied'}, ${formatBytes(copied.bytes)}`,
    mounted.contents > 0 ? `${mounted.contents} mounted` : '',
    exists.contents > 0 ? `${exists.contents} there already` : '',
    result.referrers > 0 ? counted(result.referrers, 'referrer') : '',
  ].filter(Boolean);
  const summary = result.unchanged && copied.contents === 0 ? 'nothing to do' : parts.join('; ');
  return [
    ...result.notes.map((note) => `note: ${note}\n`),
    `${summary}\n`,
    ...result.targets.map((target) => `${target}@${result.digest}\n`),
  ].join('');
}
