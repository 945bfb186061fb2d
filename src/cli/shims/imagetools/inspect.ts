import { type Command, Option } from 'commander';
import { type InspectedTool, imageConfigs, inspectTool } from '../../../app/imagetools/inspect-image.ts';
import { failure } from '../../../lib/errors.ts';
import { printable } from '../../../lib/redact.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { asGo, goDescriptor, goImage } from '../../../oci/go-types.ts';
import { formatPlatform } from '../../../oci/platform.ts';
import { terminalDocument, terminalText } from '../../terminal-text.ts';
import { executeGoTemplate, parseGoTemplate, templateFields } from '../go-template.ts';

const wholeManifest = /^\s*\{\{\s*\.Manifest\s*\}\}\s*$/;

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('<name>')
    .option('--format <template>', 'fields, json and index of a Go template')
    .addOption(new Option('--raw', 'Show original, unformatted JSON manifest').conflicts('format'))
    .action(async (name: string, flags: { format?: string; raw?: true }) => {
      const { signal } = context;
      const { format } = flags;
      const template = format === undefined || wholeManifest.test(format) ? undefined : format;
      const actions = template === undefined ? undefined : parseGoTemplate(template);
      const shown = await inspectTool(name, { signal });
      if (flags.raw) process.stdout.write(terminalDocument(shown.bytes));
      else if (actions === undefined || template === undefined) process.stdout.write(render(shown));
      else {
        const needed = templateFields(actions);
        refuseAttestations(needed, template);
        const image = needed.some((field) => field === '' || /^image$/i.test(field))
          ? imageOf(await imageConfigs(name, { signal }))
          : undefined;
        const data = { name, manifest: manifestOf(shown), ...(image === undefined ? {} : { image }) };
        process.stdout.write(terminalText(executeGoTemplate(actions, data, template)));
      }
    });
}

function refuseAttestations(fields: readonly string[], template: string): void {
  if (!fields.some((field) => /^(?:sbom|provenance)$/i.test(field))) return;
  throw failure('UNSUPPORTED', 'use --format', template, 'attestations are not read by this shim', {
    hint: 'polyarch inspect REFERENCE lists them',
  });
}

/** One image is itself, several are by platform: as buildx's templates have it. */
function imageOf(configs: Readonly<Record<string, unknown>>): unknown {
  const all = Object.entries(configs).map(([platform, config]) => [platform, asGo(config, goImage)] as const);
  return all.length > 1 ? Object.fromEntries(all) : all[0]?.[1];
}

function manifestOf({ descriptor, index }: InspectedTool): unknown {
  if (index === undefined) return descriptor;
  const { schemaVersion, mediaType, manifests, annotations } = index;
  return {
    schemaVersion,
    mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    manifests: asGo(manifests, goDescriptor),
    annotations,
  };
}

/** buildx's text (util/imagetools/printers.go). */
function render({ name, descriptor, index }: InspectedTool): string {
  const head: Row[] = [
    ['Name', name],
    ['MediaType', descriptor.mediaType],
    ['Digest', descriptor.digest],
  ];
  if (index === undefined) return aligned('', head);
  const bare = name.replace(/@.*$/, '');
  const entries = index.manifests.map((entry) => entryRows(bare, entry));
  const rows = entries.flatMap((entry, at) => (at === 0 ? entry : [blank, ...entry]));
  return `${aligned('', [...head, blank, ['Manifests', '']])}${aligned('  ', rows)}`;
}

/** A key and its value, or a line that stands for itself. */
type Row = readonly [key: string, value: string] | string;
const blank: Row = ['', ''];

function entryRows(name: string, { digest, mediaType, platform, annotations }: Descriptor): Row[] {
  const [version, features] = [platform?.['os.version'], platform?.['os.features']];
  const notes = Object.entries(annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const width = longest(notes) + 1;
  return [
    ['Name', `${name}@${digest}`],
    ['MediaType', mediaType],
    ...(platform === undefined ? [] : [['Platform', formatPlatform(platform)] as const]),
    ...(version ? [['OSVersion', version] as const] : []),
    ...(features?.length ? [['OSFeatures', features.join(', ')] as const] : []),
    ...(notes.length === 0 ? [] : [['Annotations', ''] as const]),
    ...notes.map(([key, value]) => `  ${`${key}:`.padEnd(width)} ${value}`),
  ];
}

/** As Go's tabwriter: values begin in one column, up to a line that has none. */
function aligned(prefix: string, rows: readonly Row[]): string {
  let text = '';
  for (let at = 0; at < rows.length; ) {
    const block: (readonly [string, string])[] = [];
    for (let row = rows[at]; row !== undefined && typeof row !== 'string'; row = rows[at]) {
      block.push(row);
      at++;
    }
    const width = longest(block) + 1;
    for (const [key, value] of block)
      text += `${prefix}${(key && `${key}:`).padEnd(width)} ${printable(value)}\n`;
    for (let row = rows[at]; typeof row === 'string'; row = rows[at]) {
      text += `${prefix}${printable(row)}\n`;
      at++;
    }
  }
  return text;
}

/** Of the keys. Spreading them into one call would overflow the stack for an index of many entries. */
function longest(rows: readonly (readonly [string, string])[]): number {
  return rows.reduce((most, [key]) => Math.max(most, key.length), 0);
}
