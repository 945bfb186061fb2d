import { Option } from 'commander';
import { failure } from '../../../lib/errors.ts';
import type { ManifestFamily } from '../../../transfer/rewrite/docker-types.ts';

/** `--format oci|v2s2`. */
export function manifestTypeOption(): Option {
  return new Option('-f, --format <type>', 'manifest type at the destination').choices([
    'oci',
    'v2s1',
    'v2s2',
  ]);
}

export function manifestFamily(format: string | undefined): ManifestFamily | undefined {
  if (format === 'v2s1') {
    throw failure('UNSUPPORTED', 'use --format', format, 'schema 1 has been dead since 2019', {
      hint: '--format v2s2',
    });
  }
  return format === 'v2s2' ? 'docker' : format === 'oci' ? 'oci' : undefined;
}
