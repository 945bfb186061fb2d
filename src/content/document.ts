import { isDigest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Index, Manifest } from '../oci/manifest.ts';
import { isIndexType, isManifestType, mediaTypes } from '../oci/media-types.ts';

/** What a manifest's bytes turn out to be, and the media type that they go by. */
export type Document =
  | { readonly kind: 'index'; readonly mediaType: string; readonly index: Index }
  | { readonly kind: 'manifest'; readonly mediaType: string; readonly manifest: Manifest };

/** Whether content of this media type is a manifest or an index: what tags may point at. */
export function isDocumentType(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

/**
 * Reads a manifest or index by its content: `mediaType` is optional in OCI, registries answer with wrong ones, so the fields decide.
 * A document that is both is refused: two readers would see two images (CVE-2021-41190). CONTENT_INVALID with `thing` in its message.
 */
export function parseDocument(bytes: Uint8Array, thing: string): Document {
  const value = parseObject(bytes, thing);
  const refuse = (what: string) => failure('CONTENT_INVALID', 'read manifest', thing, what);
  if (value.schemaVersion !== 2) {
    if (value.schemaVersion === 1) {
      throw failure('CONTENT_INVALID', 'read manifest', thing, 'schema 1 images are not supported', {
        hint: 'push it anew with a tool that writes schema 2 or OCI: docker pull, then docker push',
      });
    }
    throw refuse('no schemaVersion 2');
  }
  const { mediaType } = value;
  if (mediaType !== undefined && typeof mediaType !== 'string') throw refuse('mediaType is no text');
  const isIndex = value.manifests !== undefined;
  const isManifest = value.config !== undefined || value.layers !== undefined;
  if (isIndex && isManifest) throw refuse('it is a manifest and an index at once');
  if (value.annotations === null) delete value.annotations;
  if (value.annotations !== undefined && !isTextMap(value.annotations)) {
    throw refuse('annotations are no mapping of texts');
  }
  if (value.subject !== undefined) checkDescriptor(value.subject, 'subject', thing);
  if (value.artifactType !== undefined && typeof value.artifactType !== 'string') {
    throw refuse('artifactType is no text');
  }
  if (isIndex) {
    if (mediaType !== undefined && !isIndexType(mediaType))
      throw refuse(`an index that calls itself ${mediaType}`);
    checkDescriptors(value.manifests, 'manifests', thing);
    return { kind: 'index', mediaType: mediaType ?? mediaTypes.ociIndex, index: value as unknown as Index };
  }
  if (!isManifest) throw refuse('neither a manifest nor an index');
  if (mediaType !== undefined && !isManifestType(mediaType)) {
    throw refuse(`a manifest that calls itself ${mediaType}`);
  }
  checkDescriptor(value.config, 'config', thing);
  // Go writes null for an empty list: so BuildKit does for an image without layers.
  if (value.layers === null) value.layers = [];
  checkDescriptors(value.layers, 'layers', thing);
  return {
    kind: 'manifest',
    mediaType: mediaType ?? mediaTypes.ociManifest,
    manifest: value as unknown as Manifest,
  };
}

/** What a manifest or index points at and needs. Its `subject` it only mentions. */
export function childrenOf(document: Document): readonly Descriptor[] {
  if (document.kind === 'index') return document.index.manifests;
  return [document.manifest.config, ...document.manifest.layers];
}

/** Deeper values are read, but end in a stack overflow when they are written again. */
const maxNesting = 500;

/** How deep the lists and objects of a JSON text lie in each other. */
function nestingOf(bytes: Uint8Array): number {
  let [depth, deepest, inText] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) inText = !inText;
    else if (byte === 0x5c) at++;
    else if (inText) continue;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

/** Bytes as one JSON object. CONTENT_INVALID when they are none, LIMIT when it is nested very deep. */
export function parseObject(bytes: Uint8Array, thing: string): Record<string, unknown> {
  if (nestingOf(bytes) > maxNesting)
    throw failure('LIMIT', 'read', thing, `nested more than ${maxNesting} deep`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw failure('CONTENT_INVALID', 'read', thing, 'not JSON', { cause: error });
  }
  if (!isObject(value)) throw failure('CONTENT_INVALID', 'read', thing, 'not a JSON object');
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isDescriptor(value: unknown): value is Descriptor {
  return (
    isObject(value) &&
    typeof value.mediaType === 'string' &&
    typeof value.digest === 'string' &&
    isDigest(value.digest) &&
    Number.isSafeInteger(value.size) &&
    (value.size as number) >= 0 &&
    (value.platform === undefined || isPlatform(value.platform)) &&
    (value.annotations === undefined || isTextMap(value.annotations)) &&
    isOptionalTextList(value.urls) &&
    (value.artifactType === undefined || typeof value.artifactType === 'string')
  );
}

function isPlatform(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.os === 'string' &&
    typeof value.architecture === 'string' &&
    (value.variant === undefined || typeof value.variant === 'string') &&
    (value['os.version'] === undefined || typeof value['os.version'] === 'string') &&
    isOptionalTextList(value['os.features']) &&
    isOptionalTextList(value.features)
  );
}

function isOptionalTextList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((text) => typeof text === 'string'));
}

function isTextMap(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function checkDescriptor(value: unknown, field: string, thing: string): void {
  if (!isDescriptor(value)) {
    throw failure(
      'CONTENT_INVALID',
      'read manifest',
      thing,
      `${field} is no descriptor with media type, digest and size`,
    );
  }
}

function checkDescriptors(value: unknown, field: string, thing: string): void {
  if (!Array.isArray(value)) throw failure('CONTENT_INVALID', 'read manifest', thing, `${field} is no list`);
  value.forEach((item, position) => {
    checkDescriptor(item, `${field}[${position}]`, thing);
  });
}
