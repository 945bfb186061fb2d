import type { WrittenIndex } from '../../app/index/written-index.ts';
import { describePlatform } from '../../index/platform-spelling.ts';
import { parseLocation } from '../../oci/location.ts';
import { table } from '../table.ts';

/** What was done: a registry is pushed to, the local store and layouts keep. */
export function verbOf(reference: string, options: { dryRun?: boolean | undefined } = {}): string {
  const registry = parseLocation(reference).transport === 'docker';
  if (options.dryRun) return registry ? 'would push' : 'would store';
  return registry ? 'pushed' : 'stored';
}

/** The entries as an OS/ARCH table, then where the index is. */
export function renderWritten(written: WrittenIndex): string {
  const rows = written.entries.map(({ platform, digest, attestation }) => [
    attestation ? 'attestation' : describePlatform(platform),
    digest,
  ]);
  const names = written.references.map(
    (reference) => `${verbOf(reference)} ${reference}@${written.digest}\n`,
  );
  return `${table([{ title: 'OS/ARCH' }, { title: 'DIGEST' }], rows)}\n${names.join('')}`;
}
