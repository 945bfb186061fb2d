import { type Digest, isDigest } from '../../lib/digest.ts';
import { RegistryError } from './registry-error.ts';

const namePattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Longest repository name: with the registry's host it is 255 at most for many clients (distribution-spec, "Pulling manifests"). */
const maxNameLength = 255;

/** A name that passes is safe as a path: no `.` or `..` part, no part that starts with `_`. */
export function isRepositoryName(name: string): boolean {
  return name.length <= maxNameLength && namePattern.test(name);
}

export function isTag(reference: string): boolean {
  return tagPattern.test(reference);
}

export function checkedName(name: string): string {
  if (isRepositoryName(name)) return name;
  throw new RegistryError('NAME_INVALID', 'invalid repository name');
}

export function checkedDigest(text: string | null | undefined): Digest {
  if (text && isDigest(text)) return text;
  throw new RegistryError('DIGEST_INVALID', 'not a sha256 or sha512 digest');
}
