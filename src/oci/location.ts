import { type Digest, isDigest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from './reference.ts';

/** A repository of a registry, or a name in the user's own local store. */
export interface NamedLocation {
  readonly transport: 'docker' | 'local';
  readonly reference: Reference;
}

/**
 * An OCI image layout (image-layout.md) in a directory, or in a tar whose `path` may be `-`. Which of its images: an entry's
 * `org.opencontainers.image.ref.name`, its digest, or its position in index.json from 0; none of them: the only one.
 */
export interface LayoutLocation {
  readonly transport: 'oci' | 'oci-archive';
  readonly path: string;
  readonly name?: string;
  readonly digest?: Digest;
  readonly position?: number;
}

/** One image in a directory as skopeo keeps it: `version`, `manifest.json` and blobs by their digests. The whole text is the path. */
export interface DirectoryLocation {
  readonly transport: 'dir';
  readonly path: string;
}

/** A tar as `docker save` writes it; `path` may be `-`. Which of its images: its name, or its position in manifest.json; none: the only one. */
export interface DockerArchiveLocation {
  readonly transport: 'docker-archive';
  readonly path: string;
  readonly reference?: Reference;
  readonly position?: number;
}

/** What a Docker engine has, by its name or by its image's ID. */
export interface DockerDaemonLocation {
  readonly transport: 'docker-daemon';
  readonly image: Reference | Digest;
}

/** An image and the transport that it is reached by. */
export type Location =
  | NamedLocation
  | LayoutLocation
  | DirectoryLocation
  | DockerArchiveLocation
  | DockerDaemonLocation;

/** Transports of the field that are refused by name, so that `sif:a` is never looked up as an image called "sif". */
const otherTransports: ReadonlySet<string> = new Set(['containers-storage', 'ostree', 'sif', 'tarball']);

const transportHint =
  'docker:// (a registry), oci:, oci-archive:, dir:, docker-archive:, docker-daemon: and local: (the local store) are';

/** containers/image oci/internal: what an image's name in a layout is made of. Separators stand between letters and digits, so that it is linear. */
const layoutName =
  /^[A-Za-z0-9]+(?:(?:--|[-._:@+])[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:--|[-._:@+])[A-Za-z0-9]+)*)*$/;
const maxLayoutNameLength = 1024;

/**
 * Reads what a user types: `docker://ghcr.io/a/b:1`, `oci:DIR[:NAME][@DIGEST]`, `oci-archive:FILE[:NAME]`, `dir:DIR`, `docker-archive:FILE[:REFERENCE]`,
 * `docker-daemon:REFERENCE`, `local:a:1`, or a bare reference, which is `options.transport`'s (default `docker`). A file's images may also
 * be counted, `FILE:@0`, as in containers/image. USAGE or UNSUPPORTED.
 */
export function parseLocation(text: string, options: { transport?: 'docker' | 'local' } = {}): Location {
  if (text.startsWith('docker://')) return named('docker', text.slice('docker://'.length));
  const scheme = /^([a-z][a-z-]*):/.exec(text)?.[1];
  const rest = text.slice((scheme?.length ?? 0) + 1);
  switch (scheme) {
    case 'local':
      return named('local', rest);
    case 'oci':
    case 'oci-archive':
      return parseLayout(scheme, rest, text);
    case 'dir':
      if (rest === '') throw malformed(text, 'no path');
      if (rest.includes('\0')) throw malformed(text, 'its path has a NUL');
      return { transport: 'dir', path: rest };
    case 'docker-archive':
      return parseDockerArchive(rest, text);
    case 'docker-daemon':
      return { transport: 'docker-daemon', image: isDigest(rest) ? rest : engineReference(rest, text) };
    case undefined:
      break;
    default:
      if (otherTransports.has(scheme)) {
        throw failure('UNSUPPORTED', 'use', text, `the transport "${scheme}:" is not supported`, {
          hint: `${transportHint}; an image called "${scheme}" reads docker://${text}`,
        });
      }
  }
  return named(options.transport ?? 'docker', text);
}

/** One spelling for one location, which reads back as the same; a registry's without `docker://`, names in full. */
export function formatLocation(location: Location): string {
  switch (location.transport) {
    case 'docker': {
      const text = formatReference(withDefaultTag(location.reference));
      // A host called "oci" with a port reads as a transport.
      return parsesAsOther(text) ? `docker://${text}` : text;
    }
    case 'local':
      return `local:${formatReference(withDefaultTag(location.reference))}`;
    case 'oci':
    case 'oci-archive': {
      const { transport, path, name, digest, position } = location;
      const chosen = position === undefined ? name : `@${position}`;
      return `${transport}:${path}${chosen === undefined ? '' : `:${chosen}`}${digest === undefined ? '' : `@${digest}`}`;
    }
    case 'dir':
      return `dir:${location.path}`;
    case 'docker-archive': {
      const { path, reference, position } = location;
      const chosen = reference === undefined ? undefined : formatReference(withDefaultTag(reference));
      const suffix = position === undefined ? chosen : `@${position}`;
      return `docker-archive:${path}${suffix === undefined ? '' : `:${suffix}`}`;
    }
    case 'docker-daemon': {
      const { image } = location;
      return `docker-daemon:${typeof image === 'string' ? image : formatReference(withDefaultTag(image))}`;
    }
  }
}

function parsesAsOther(text: string): boolean {
  return /^(?:local|oci|oci-archive|dir|docker-archive|docker-daemon):/.test(text);
}

function named(transport: 'docker' | 'local', text: string): NamedLocation {
  return { transport, reference: parseReference(text) };
}

function malformed(text: string, what: string, hint?: string) {
  return failure('USAGE', 'read location', text.slice(0, 300), what, hint === undefined ? {} : { hint });
}

/** The path ends at the first colon (containers/image, splitPathAndImage): a file whose name has one cannot be named. */
function splitPath(text: string, whole: string): { path: string; image: string | undefined } {
  const colon = text.indexOf(':');
  const path = colon === -1 ? text : text.slice(0, colon);
  if (path === '') throw malformed(whole, 'no path');
  if (path.includes('\0')) throw malformed(whole, 'its path has a NUL');
  const image = colon === -1 ? undefined : text.slice(colon + 1);
  return { path, image: image === '' ? undefined : image };
}

function positionOf(image: string | undefined): number | undefined {
  return image !== undefined && /^@\d{1,6}$/.test(image) ? Number(image.slice(1)) : undefined;
}

function parseLayout(transport: 'oci' | 'oci-archive', rest: string, whole: string): LayoutLocation {
  const at = rest.lastIndexOf('@');
  const digest = at === -1 ? '' : rest.slice(at + 1);
  const known = isDigest(digest);
  if (!known && /^sha(?:256|512):/.test(digest)) throw malformed(whole, `"${digest}" is no digest`);
  const { path, image } = splitPath(known ? rest.slice(0, at) : rest, whole);
  const position = positionOf(image);
  const name = position === undefined ? image : undefined;
  if (name !== undefined && (name.length > maxLayoutNameLength || !layoutName.test(name))) {
    throw malformed(whole, `"${name.slice(0, 200)}" is not a name that a layout can hold`);
  }
  if (known && position !== undefined) throw malformed(whole, 'a position and a digest at once');
  return {
    transport,
    path,
    ...(name === undefined ? {} : { name }),
    ...(position === undefined ? {} : { position }),
    ...(known ? { digest } : {}),
  };
}

function parseDockerArchive(rest: string, whole: string): DockerArchiveLocation {
  const { path, image } = splitPath(rest, whole);
  const position = positionOf(image);
  if (position !== undefined) return { transport: 'docker-archive', path, position };
  if (image === undefined) return { transport: 'docker-archive', path };
  const reference = parseReference(image);
  if (reference.digest !== undefined) {
    throw malformed(whole, 'a docker save archive has no digests', 'name the image by its tag');
  }
  return { transport: 'docker-archive', path, reference };
}

function engineReference(rest: string, whole: string): Reference {
  const reference = parseReference(rest);
  if (reference.tag !== undefined && reference.digest !== undefined) {
    throw malformed(whole, 'a tag and a digest at once', 'write one of them');
  }
  return reference;
}
