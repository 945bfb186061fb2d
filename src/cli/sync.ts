import { type Command, Option } from 'commander';
import type { RegistrySettings } from '../app/registry-settings.ts';
import type { SyncEvent, SyncResult } from '../app/sync/sync.ts';
import { errorCodes, failure } from '../lib/errors.ts';
import { printable } from '../lib/redact.ts';
import type { Platform } from '../oci/platform.ts';
import type { ManifestFamily } from '../transfer/rewrite/docker-types.ts';
import { counted } from './counted.ts';
import { ExitWith } from './exit-with.ts';
import { type Format, formatData, formatOption } from './format.ts';
import { errorLines } from './live-lines.ts';
import { appendAll } from './option-lists.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { formatBytes } from './table.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';
import { writeResultFile } from './write-result-file.ts';

export interface SyncFlags extends RegistryFlags {
  readonly src: string;
  readonly dest: string;
  readonly scoped?: true;
  readonly appendSuffix: string;
  readonly keepGoing?: true;
  readonly platform?: string[];
  readonly referrers: boolean;
  readonly only?: Platform;
  readonly type?: ManifestFamily;
  readonly digestFile?: string;
  readonly dryRun?: true;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Copy all images that a repository, or a list of skopeo’s, names. What the destination has under its name is not looked at any further. The exit code is 0, or with --keep-going that of the failures when they have one in common, else 1.',
    )
    .argument('<source>', 'REGISTRY/REPOSITORY[:TAG], or with --src yaml a file')
    .argument('<destination>', 'REGISTRY[/PATH], or with --dest oci or dir a directory')
    .requiredOption(
      '-s, --src <transport>',
      'docker: a repository, all its tags or one; yaml: a list as skopeo takes it',
    )
    .requiredOption(
      '-d, --dest <transport>',
      'docker: a registry; oci: a directory, a layout for each image below it; dir: the same with skopeo’s directories',
    )
    .option('--scoped', 'put the whole source name below the destination, not its last part alone')
    .option('--append-suffix <text>', 'put this behind every tag', '')
    .option('--keep-going', 'go on with the other images when one fails')
    .option('--platform <list>', 'these platforms only, comma separated', appendAll)
    .option('--no-referrers', 'leave signatures, SBOMs and other referrers behind')
    .addOption(
      new Option('--type <type>', 'rewrite manifests into these media types').choices(['oci', 'docker']),
    )
    .option('--digest-file <path>', 'write a line “DIGEST docker://NAME” for each image')
    .option('--dry-run', 'say what would move, and move nothing')
    .addOption(formatOption())
    .action(async (source: string, destination: string, flags: SyncFlags & { format: Format }) => {
      const result = await runSync(source, destination, flags, context.signal);
      process.stdout.write(formatData(result, flags.format, renderSynced));
      exitAsFailed(result);
    });
  return addRegistryOptions(program, { sides: true });
}

export async function runSync(
  source: string,
  destination: string,
  flags: SyncFlags,
  signal: AbortSignal,
  registries: { source: RegistrySettings; target: RegistrySettings } = {
    source: registrySettings(flags, 'src'),
    target: registrySettings(flags, 'dest'),
  },
): Promise<SyncResult> {
  if (flags.dest !== 'docker' && flags.dest !== 'oci' && flags.dest !== 'dir') {
    throw failure('UNSUPPORTED', 'sync to', flags.dest, 'no destination of a sync here', {
      hint: '--dest docker, --dest oci and --dest dir are',
    });
  }
  const { sync, syncSourcesOf } = await import('../app/sync/sync.ts');
  const result = await sync(await syncSourcesOf(flags.src, source), {
    destination: {
      transport: flags.dest,
      place: destination,
      scoped: flags.scoped ?? false,
      suffix: flags.appendSuffix,
    },
    keepGoing: flags.keepGoing,
    platforms: flags.platform,
    only: flags.only,
    referrers: flags.referrers,
    type: flags.type,
    dryRun: flags.dryRun,
    sourceRegistry: registries.source,
    targetRegistry: registries.target,
    signal,
    onEvent: (event) => showEvent(event),
  });
  if (flags.digestFile !== undefined && !flags.dryRun)
    await writeResultFile('--digest-file', flags.digestFile, digestLines(result));
  return result;
}

/** Contents are too many to tell: an image is a line. */
function showEvent(event: SyncEvent): void {
  if (event.type === 'blob') return;
  if (event.type !== 'image') {
    tellTransferEvent(event);
    return;
  }
  const place = event.target === undefined ? event.source : `${event.source} → ${event.target}`;
  errorLines.write(`${event.state.padEnd('unchanged'.length)}  ${printable(place)}`);
  if (event.error === undefined) return;
  errorLines.write(`  ${printable(event.error.message)}`);
  if (event.error.hint !== undefined) errorLines.write(`  hint: ${printable(event.error.hint)}`);
}

function renderSynced(result: SyncResult): string {
  const { counts, copied, unchanged, failed } = result;
  const moved = `${counted(counts.copied.contents, 'content')}, ${formatBytes(counts.copied.bytes)}`;
  const mounted = counts.mounted.contents > 0 ? `; ${counts.mounted.contents} mounted` : '';
  return `${copied} copied, ${unchanged} unchanged, ${failed} failed; ${moved}${mounted}\n`;
}

function digestLines({ images }: SyncResult): string {
  return images
    .filter(({ digest }) => digest !== undefined)
    .map(
      ({ digest, target = '' }) => `${digest} ${/^[a-z]+:\D/.test(target) ? target : `docker://${target}`}\n`,
    )
    .join('');
}

/** The failures' own exit code when they agree. */
export function exitAsFailed({ images }: SyncResult): void {
  const codes = new Set(images.flatMap(({ error }) => (error ? [errorCodes[error.code].exit] : [])));
  const [code] = codes;
  if (code !== undefined) throw new ExitWith(codes.size === 1 ? code : 1);
}
