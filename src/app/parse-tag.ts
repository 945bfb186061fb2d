import { failure } from '../lib/errors.ts';
import { parseReference, type Reference } from '../oci/reference.ts';

/** What a reference of other commands begins with. A host may be called so: then a port follows. */
const transport = /^(?:docker:\/\/|(?:local|oci|oci-archive|docker-archive|docker-daemon):(?!\d+\/))/;

/** The name that `--tag` gives a result: no digest, no transport. USAGE. */
export function parseTag(text: string): Reference {
  const [prefix] = transport.exec(text) ?? [];
  if (prefix !== undefined) {
    throw failure('USAGE', 'use --tag', text, `"${prefix}" is a transport, and a name has none`, {
      hint: `-t ${text.slice(prefix.length)} is kept in the local store, or pushed with --push`,
    });
  }
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw failure('USAGE', 'use --tag', text, 'a digest is what the image turns out to have', {
    hint: `-t ${text.slice(0, text.indexOf('@'))}`,
  });
}
