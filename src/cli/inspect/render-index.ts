import type { InspectedAttestation, InspectedIndex } from '../../app/inspect/inspected.ts';
import { fields, formatBytes, table } from '../table.ts';
import { annotationFields } from './render-manifest.ts';

/** An index as an OS/ARCH table, the attestations below the image that they are about. */
export function renderIndex(index: InspectedIndex): string {
  const rows = index.platforms.flatMap((entry) => [
    [
      [entry.platform ?? '-', entry.osVersion ?? ''].join(' ').trim(),
      entry.missing ? 'missing' : entry.size === undefined ? '-' : formatBytes(entry.size),
      entry.layers === undefined ? '-' : String(entry.layers),
      entry.digest,
    ],
    ...entry.attestations.map((attestation) => attestationRow(attestation, '└ ')),
  ]);
  const head = fields([
    ['Name', index.reference],
    ['Type', index.mediaType],
    ['Digest', index.digest],
    ['Artifact', index.artifactType],
    ...annotationFields(index.annotations),
  ]);
  const columns = [
    { title: 'OS/ARCH' },
    { title: 'SIZE', align: 'right' },
    { title: 'LAYERS', align: 'right' },
    { title: 'DIGEST' },
  ] as const;
  const dangling = index.dangling.map((attestation) => [
    ...attestationRow(attestation, ''),
    attestation.about ?? '-',
  ]);
  const rest =
    dangling.length === 0
      ? ''
      : `\n${table([{ title: 'DANGLING ATTESTATION' }, ...columns.slice(1), { title: 'ABOUT' }], dangling)}`;
  return `${head}\n${table(columns, rows)}${rest}`;
}

function attestationRow({ size, predicates, digest }: InspectedAttestation, prefix: string): string[] {
  const kinds = [...new Set(predicates.map(kindOf))].join(', ');
  return [
    `${prefix}${kinds === '' ? 'attestation' : kinds}`,
    size === undefined ? 'missing' : formatBytes(size),
    size === undefined ? '-' : String(predicates.length),
    digest,
  ];
}

/** What people call a predicate type; the type itself where nobody calls it anything. */
function kindOf(predicate: string): string {
  if (/^https:\/\/(spdx\.dev|cyclonedx\.org)\//.test(predicate)) return 'SBOM';
  if (/^https:\/\/slsa\.dev\/provenance\//.test(predicate)) return 'provenance';
  return predicate;
}
