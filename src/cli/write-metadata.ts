import type { Descriptor } from '../oci/descriptor.ts';
import { writeResultFile } from './write-result-file.ts';

/** The file of `--metadata-file`, with the names that buildx gives to what it has too; `more` is ours. */
export async function writeMetadata(
  path: string,
  result: { readonly root: Descriptor; readonly references: readonly string[] },
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { mediaType, digest, size } = result.root;
  const metadata = {
    'containerimage.descriptor': { mediaType, digest, size },
    'containerimage.digest': digest,
    'image.name': result.references.join(','),
    ...more,
  };
  await writeResultFile('--metadata-file', path, `${JSON.stringify(metadata, null, 2)}\n`);
}
