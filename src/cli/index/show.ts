import { type Command, Option } from 'commander';
import { type ShownEntry, type ShownIndex, showIndex, showIndexRaw } from '../../app/index/show-index.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { fields, formatBytes, table } from '../table.ts';
import { terminalDocument } from '../terminal-text.ts';
import { eventWriter } from './write-result.ts';

interface Flags extends RegistryFlags {
  readonly raw?: true;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description('Show what an index says, entry by entry with every field. Nothing behind it is read.')
    .argument('<reference>', 'an index, of any transport')
    .addOption(new Option('--raw', 'print the exact bytes of the index').conflicts('format'))
    .addOption(formatOption())
    .action(async (reference: string, flags: Flags) => {
      const options = {
        registry: registrySettings(flags),
        signal: context.signal,
        onEvent: eventWriter({}),
      };
      if (flags.raw) {
        process.stdout.write(terminalDocument(await showIndexRaw(reference, options)));
        return;
      }
      process.stdout.write(formatData(await showIndex(reference, options), flags.format, renderShown));
    });
  return addRegistryOptions(program);
}

function renderShown(index: ShownIndex): string {
  const head = fields([
    ['Name', index.reference],
    ['Type', index.mediaType],
    ['Digest', index.digest],
    ['Artifact', index.artifactType],
    ['Subject', index.subject?.digest],
    ...pairs(index.annotations),
  ]);
  const rows = index.entries.map((entry) => [
    entry.platform ?? '-',
    formatBytes(entry.size),
    entry.digest,
    detailsOf(entry),
  ]);
  const columns = [
    { title: 'OS/ARCH' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'DIGEST' },
    { title: 'DETAILS' },
  ];
  return `${head}\n${table(columns, rows)}`;
}

function pairs(annotations: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(annotations ?? {});
}

/** What most entries do not have, in a line. */
function detailsOf(entry: ShownEntry): string {
  const { osVersion, osFeatures, features, artifactType, urls, about, annotations } = entry;
  return [
    ...(about === undefined ? [] : [`about ${about.slice(0, 'sha256:'.length + 12)}`]),
    ...(osVersion === undefined ? [] : [`os.version=${osVersion}`]),
    ...(osFeatures === undefined ? [] : [`os.features=${osFeatures.join('+')}`]),
    ...(features === undefined ? [] : [`features=${features.join('+')}`]),
    ...(artifactType === undefined ? [] : [artifactType]),
    ...(urls ?? []),
    ...Object.entries(annotations ?? {})
      .filter(([key]) => !key.startsWith('vnd.docker.reference.'))
      .map(([key, value]) => `${key}=${value}`),
  ].join(' ');
}
