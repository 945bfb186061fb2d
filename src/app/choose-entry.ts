import { nameOf } from '../content/layout/layout-index.ts';
import type { Digest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatLocation, type Location } from '../oci/location.ts';
import { isReferrerTag } from '../oci/referrers-tag.ts';

export interface Choice {
  readonly name?: string;
  readonly digest?: Digest;
  readonly position?: number;
}

/**
 * What a file's store resolves for a location: the digest or name that was written, else the digest of the image at the position, else of
 * the only one. USAGE, with the names, when there are several; NOT_FOUND when there is none.
 */
export function chooseEntry(entries: readonly Descriptor[], location: Location & Choice): string {
  const { name, digest, position } = location;
  const written = digest ?? name;
  if (written !== undefined) return written;
  const chosen =
    position === undefined
      ? entries.filter((entry) => !isReferrerTag(nameOf(entry) ?? ''))
      : entries.slice(position, position + 1);
  const [first, ...others] = new Set(chosen.map((entry) => entry.digest));
  if (first !== undefined && others.length === 0) return first;
  const thing = formatLocation(location);
  if (entries.length === 0) throw failure('NOT_FOUND', 'choose an image of', thing, 'it has no image');
  const names = entries.flatMap((entry) => nameOf(entry) ?? []).slice(0, 20);
  const what =
    position === undefined ? `it has ${entries.length} images` : 'it has no image at that position';
  throw failure('USAGE', 'choose an image of', thing, what, {
    hint: `name one${names.length === 0 ? ' by its position: :@0' : `: ${names.join(', ')}`}`,
  });
}
