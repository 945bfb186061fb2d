import type { InspectedImage } from '../../../app/manifest-tool/inspect-image.ts';
import { isAttestation } from '../../../content/select-manifest.ts';
import { printable } from '../../../lib/redact.ts';
import { referenceDigest, referenceType } from '../../../oci/attestation.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { asGo, goImage } from '../../../oci/go-types.ts';
import type { Manifest } from '../../../oci/manifest.ts';

/** manifest-tool's text (v2, cmd/manifest-tool/inspect.go), without its colours. */
export function renderInspected(image: InspectedImage): string {
  const { name, descriptor } = image;
  if (image.kind === 'image') {
    const { manifest, config } = image;
    return lines([
      `Name: ${name} (Type: ${descriptor.mediaType})`,
      `      Digest: ${descriptor.digest}`,
      `        Size: ${descriptor.size}`,
      `          OS: ${config.os}`,
      `        Arch: ${config.architecture}`,
      `    # Layers: ${manifest.layers.length}`,
      ...manifest.layers.map((layer, at) => `      layer ${twoDigits(at)}: digest = ${layer.digest}`),
    ]);
  }
  const count = image.entries.length - image.attestations;
  const summary = `${count} ${count > 1 ? 'images' : 'image'}, ${image.attestations} ${image.attestations > 1 ? 'attestations' : 'attestation'}`;
  return lines([
    `Name:   ${name} (Type: ${descriptor.mediaType})`,
    `Digest: ${descriptor.digest}`,
    ` * Contains ${image.entries.length} manifest references (${summary}):`,
    ...image.entries.flatMap(({ entry, manifest }, at) => entryLines(entry, manifest, at + 1)),
  ]);
}

function entryLines(entry: Descriptor, manifest: Manifest | undefined, number: number): string[] {
  const { platform, annotations } = entry;
  const mark = `[${number}]`;
  const type = annotations?.[referenceType];
  const attested = isAttestation(entry) && type !== undefined;
  const head = [
    `${mark}     Type: ${entry.mediaType}${attested ? ` (vnd.docker.reference.type=${type})` : ''}`,
    `${mark}   Digest: ${entry.digest}`,
    `${mark}   Length: ${entry.size}`,
  ];
  if (manifest === undefined) return [...head, `Unknown media type for further display: ${entry.mediaType}`];
  if (attested) {
    return [...head, `${mark}       >>> Attestation for digest: ${annotations?.[referenceDigest] ?? ''}`, ''];
  }
  const [version, features] = [platform?.['os.version'], platform?.['os.features']];
  return [
    ...head,
    `${mark} Platform:`,
    `${mark}    -      OS: ${platform?.os ?? ''}`,
    ...(version ? [`${mark}    - OS Vers: ${version}`] : []),
    ...(features?.length ? [`${mark}    - OS Feat: [${features.join(' ')}]`] : []),
    `${mark}    -    Arch: ${platform?.architecture ?? ''}`,
    ...(platform?.variant ? [`${mark}    - Variant: ${platform.variant}`] : []),
    `${mark} # Layers: ${manifest.layers.length}`,
    ...manifest.layers.flatMap((layer, at) => [
      `     layer ${twoDigits(at)}: digest = ${layer.digest}`,
      `                 type = ${layer.mediaType}`,
    ]),
    '',
  ];
}

const twoDigits = (at: number): string => String(at + 1).padStart(2, '0');

function lines(all: readonly string[]): string {
  return all.map((line) => `${printable(line)}\n`).join('');
}

/** `--raw`: manifest-tool's JSON, with what the manifests say instead of pointers to them. */
export function rawInspected(image: InspectedImage, options: { expandConfig: boolean }): string {
  const { name, descriptor } = image;
  const common = { name, digest: descriptor.digest };
  if (image.kind === 'index') {
    const { schemaVersion, mediaType, annotations } = image.index;
    return json({
      ...common,
      schemaVersion,
      mediaType,
      manifests: image.entries.map(({ entry, manifest }) => manifest ?? entry),
      annotations,
    });
  }
  const { manifest, config } = image;
  const platform = { os: config.os, architecture: config.architecture };
  if (!options.expandConfig) return json({ ...common, ...platform, ...manifest });
  const { schemaVersion, mediaType, layers, subject, annotations } = manifest;
  return json({
    schemaVersion,
    ...common,
    ...platform,
    mediaType,
    config: asGo(config, goImage),
    layers,
    subject,
    annotations,
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 4)}\n`;
}
