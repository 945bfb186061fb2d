import { failure } from '../lib/errors.ts';
import { parseReference, type Reference } from './reference.ts';

/** `docker`: a registry. `local`: the user's own local store. */
export type Transport = 'docker' | 'local';

/** A reference and the transport that it is reached by. */
export interface Location {
  readonly transport: Transport;
  readonly reference: Reference;
}

/** Transports of the field that are refused by name, so that `oci:dir` is never looked up as an image called "oci". */
const otherTransports: ReadonlySet<string> = new Set([
  'containers-storage',
  'dir',
  'docker-archive',
  'docker-daemon',
  'oci',
  'oci-archive',
  'ostree',
  'sif',
  'tarball',
]);

/** `docker://ghcr.io/a/b:1`, `local:a:1`, or a bare reference, which is `options.transport`'s (default `docker`). USAGE or UNSUPPORTED. */
export function parseLocation(text: string, options: { transport?: Transport } = {}): Location {
  if (text.startsWith('docker://')) {
    return { transport: 'docker', reference: parseReference(text.slice('docker://'.length)) };
  }
  if (text.startsWith('local:')) {
    return { transport: 'local', reference: parseReference(text.slice('local:'.length)) };
  }
  const scheme = /^([a-z][a-z-]*):/.exec(text)?.[1];
  if (scheme !== undefined && otherTransports.has(scheme)) {
    throw failure('UNSUPPORTED', 'use', text, `the transport "${scheme}:" is not supported`, {
      hint: `docker:// (a registry) and local: (the local store) are; an image called "${scheme}" reads docker://${text}`,
    });
  }
  return { transport: options.transport ?? 'docker', reference: parseReference(text) };
}
