import type { InspectedManifest } from '../../app/inspect/inspected.ts';
import { printable } from '../../lib/redact.ts';
import { type Column, fields, formatBytes, table } from '../table.ts';

/** History lines are commands of any length; the raw ones are in `--format json`. */
const maxHistoryWidth = 100;

/** A manifest as its config, layers and history. */
export function renderManifest(manifest: InspectedManifest): string {
  const { image } = manifest;
  const config = image?.config;
  const words = (list: readonly string[] | null | undefined): string | undefined =>
    list?.length ? JSON.stringify(list) : undefined;
  const head = fields([
    ['Name', manifest.reference],
    ['Type', manifest.mediaType],
    ['Digest', manifest.digest],
    ['Artifact', manifest.artifactType],
    ['Subject', manifest.subject],
    ['Platform', image && [image.platform, image.osVersion ?? ''].join(' ').trim()],
    ['Created', image?.created],
    ['Author', image?.author],
    ['Size', formatBytes(manifest.size)],
    ['Config', manifest.config.digest],
    ['User', config?.User],
    ['Workdir', config?.WorkingDir],
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
  return found.length > 0 ? found.join(', ') : undefined;
}

export function annotationFields(
  annotations: Readonly<Record<string, string>> | undefined,
): [string, string][] {
  return Object.entries(annotations ?? {});
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
