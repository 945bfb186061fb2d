import { type Command, Option } from 'commander';
import { type InspectedTool, imageConfigs, inspectTool } from '../../../app/imagetools/inspect-image.ts';
import { failure } from '../../../lib/errors.ts';
import { printable } from '../../../lib/redact.ts';
import { formatPlatform } from '../../../oci/platform.ts';
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
      if (flags.raw) process.stdout.write(shown.bytes);
      else if (actions === undefined || template === undefined) process.stdout.write(render(shown));
      else {
        const needed = templateFields(actions);
        refuseAttestations(needed, template);
        const image = needed.some((field) => field === '' || /^image$/i.test(field))
          ? imageOf(await imageConfigs(name, { signal }))
          : undefined;
        const data = { name, manifest: manifestOf(shown), ...(image === undefined ? {} : { image }) };
        process.stdout.write(executeGoTemplate(actions, data, template));
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
  const all = Object.values(configs);
  return all.length > 1 ? configs : all[0];
}

function manifestOf({ descriptor, index }: InspectedTool): unknown {
  if (index === undefined) return descriptor;
  const { schemaVersion, mediaType, manifests, annotations } = index;
  return {
    schemaVersion,
    mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    manifests,
    annotations,
  };
}

/** buildx's text (util/imagetools/printers.go). */
function render({ name, descriptor, index }: InspectedTool): string {
  const head = aligned('', [
    ['Name', name],
    ['MediaType', descriptor.mediaType],
    ['Digest', descriptor.digest],
  ]);
  if (index === undefined) return head;
  const bare = name.replace(/@.*$/, '');
  const blank = `${' '.repeat('MediaType: '.length)}\n`;
  const inner = `  ${blank}`.slice(0, -1);
  const entries = index.manifests.map(({ digest, mediaType, platform }) => {
    const [version, features] = [platform?.['os.version'], platform?.['os.features']];
    return aligned('  ', [
      ['Name', `${bare}@${digest}`],
      ['MediaType', mediaType],
      ...(platform === undefined ? [] : [['Platform', formatPlatform(platform)] as const]),
      ...(version ? [['OSVersion', version] as const] : []),
      ...(features?.length ? [['OSFeatures', features.join(', ')] as const] : []),
    ]);
  });
  return `${head}${blank}Manifests: \n${entries.join(`${inner}\n`)}`;
}

function aligned(prefix: string, rows: readonly (readonly [string, string])[]): string {
  const width = 'MediaType:'.length;
  return rows.map(([key, value]) => `${prefix}${`${key}:`.padEnd(width)} ${printable(value)}\n`).join('');
}
