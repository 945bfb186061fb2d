import type { WrittenIndex } from '../../app/index/written-index.ts';
import { describePlatform } from '../../index/platform-spelling.ts';
import { table } from '../table.ts';

/** The entries as an OS/ARCH table, then where the index is. */
export function renderWritten(written: WrittenIndex, verb = 'pushed'): string {
  const rows = written.entries.map(({ platform, digest, attestation }) => [
    attestation ? 'attestation' : describePlatform(platform),
    digest,
  ]);
  const names = written.references.map((reference) => `${verb} ${reference}@${written.digest}\n`);
  return `${table([{ title: 'OS/ARCH' }, { title: 'DIGEST' }], rows)}\n${names.join('')}`;
}
