import { type Hash, hash } from 'node:crypto';
import { failure } from './errors.ts';

export type DigestAlgorithm = 'sha256' | 'sha512';

/** `<algorithm>:<lower-case hex>` (OCI image-spec, descriptor.md, "Digests"). */
export type Digest = `${DigestAlgorithm}:${string}`;

const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw failure('CONTENT_INVALID', 'read digest', text, 'not a sha256 or sha512 digest');
  return text;
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hex part: safe as a file name. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function digestOf(bytes: string | Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}

export function finishDigest(hash: Hash, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash.digest('hex')}`;
}

/** Loads what hashes, the dearest module of a short command, at the event loop's next turn: while what was sent before is answered. */
export function prepareHashing(): void {
  setImmediate(() => digestOf(''));
}
