import type { Inspected, InspectedIndex, InspectedManifest } from '../app/inspect.ts';
import { printable } from '../lib/redact.ts';
import { type Column, fields, formatBytes, table } from './table.ts';

/** History lines are commands of any length; the raw ones are in `--format json`. */
const maxHistoryWidth = 100;

export function renderInspected(inspected: Inspected): string {
  return inspected.kind === 'index' ? renderIndex(inspected) : renderManifest(inspected);
}

function renderIndex(index: InspectedIndex): string {
  const attested = index.platforms.some((platform) => platform.attestations > 0);
  const columns: Column[] = [
    { title: 'OS/ARCH' },
    { title: 'SIZE', align: 'right' },
    { title: 'LAYERS', align: 'right' },
    ...(attested ? [{ title: 'ATTESTATIONS', align: 'right' } as const] : []),
    { title: 'DIGEST' },
  ];
  const rows = index.platforms.map((entry) => [
    printable([entry.platform ?? '-', entry.osVersion ?? ''].join(' ').trim()),
    entry.size === undefined ? '-' : formatBytes(entry.size),
    entry.layers === undefined ? '-' : String(entry.layers),
    ...(attested ? [String(entry.attestations)] : []),
    entry.digest,
  ]);
  const head = fields([
    ['Name', index.reference],
    ['Type', printable(index.mediaType)],
    ['Digest', index.digest],
    ...annotationFields(index.annotations),
  ]);
  return `${head}\n${table(columns, rows)}`;
}

function renderManifest(manifest: InspectedManifest): string {
  const { image } = manifest;
  const config = image?.config;
  const words = (list: readonly string[] | null | undefined): string | undefined =>
    list?.length ? printable(JSON.stringify(list)) : undefined;
  const head = fields([
    ['Name', manifest.reference],
    ['Type', printable(manifest.mediaType)],
    ['Digest', manifest.digest],
    ['Artifact', manifest.artifactType === undefined ? undefined : printable(manifest.artifactType)],
    ['Platform', image === undefined ? undefined : printable(image.platform)],
    ['Created', image?.created === undefined ? undefined : printable(image.created)],
    ['Author', image?.author === undefined ? undefined : printable(image.author)],
    ['Size', formatBytes(manifest.size)],
    ['Config', manifest.config.digest],
    ['User', config?.User === undefined ? undefined : printable(config.User)],
    ['Workdir', config?.WorkingDir === undefined ? undefined : printable(config.WorkingDir)],
    ['Entrypoint', words(config?.Entrypoint)],
    ['Cmd', words(config?.Cmd)],
    ['Ports', names(config?.ExposedPorts)],
    ['Volumes', names(config?.Volumes)],
    ...annotationFields(manifest.annotations),
  ]);
  const layers = table(
    [{ title: 'LAYER', align: 'right' }, { title: 'SIZE', align: 'right' }, { title: 'DIGEST' }],
    manifest.layers.map((layer, at) => [String(at + 1), formatBytes(layer.size), layer.digest]),
  );
  return [
    head,
    manifest.layers.length > 0 ? `\n${layers}` : '',
    list('Environment', config?.Env),
    list(
      'Labels',
      Object.entries(config?.Labels ?? {}).map(([name, value]) => `${name}=${value}`),
    ),
    history(manifest),
  ].join('');
}

function names(set: Readonly<Record<string, object>> | null | undefined): string | undefined {
  const found = Object.keys(set ?? {});
  return found.length > 0 ? printable(found.join(', ')) : undefined;
}

function annotationFields(annotations: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(annotations ?? {}).map(([name, value]) => [printable(name), printable(value)]);
}

function list(title: string, lines: readonly string[] | null | undefined): string {
  if (!lines?.length) return '';
  return `\n${title}:\n${lines.map((line) => `  ${printable(String(line))}\n`).join('')}`;
}

/** Each line that made a layer stands beside that layer's number and size. */
function history(manifest: InspectedManifest): string {
  const lines = manifest.image?.history ?? [];
  if (lines.length === 0) return '';
  let next = 0;
  const rows = lines.map((line) => {
    const position = line.empty_layer ? undefined : next++;
    const layer = position === undefined ? undefined : manifest.layers[position];
    const text = printable(String(line.created_by ?? line.comment ?? ''))
      .replace(/\s+/g, ' ')
      .trim();
    return [
      layer === undefined || position === undefined ? '' : String(position + 1),
      layer === undefined ? '' : formatBytes(layer.size),
      text.length > maxHistoryWidth ? `${text.slice(0, maxHistoryWidth - 1)}…` : text,
    ];
  });
  const columns: Column[] = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'HISTORY' },
  ];
  return `\n${table(columns, rows)}`;
}
