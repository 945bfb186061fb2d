import { readFileSync } from 'node:fs';
import { capabilitySet } from '../../lib/capability-set.ts';
import type { Owners } from './owners.ts';

const capDacOverride = 1n;
let overrides: boolean | undefined;

/** Whether modes do not hold this process. */
function overridesModes(): boolean {
  const status = overrides === undefined ? readFileSync('/proc/self/status', 'latin1') : '';
  overrides ??= (((capabilitySet(status, 'CapEff') ?? 0n) >> capDacOverride) & 1n) === 1n;
  return overrides;
}

/**
 * The mode that a file of a layer's directory gets. Who owns all files without being root could not read again what it shuts to its owner, such as Fedora's /etc/shadow
 * (mode 0): the owner may read it then.
 */
export function legibleMode(
  mode: number,
  options: { readonly isDirectory: boolean; readonly owners: Owners; readonly overrides?: boolean },
): number {
  if (options.owners === 'kept' || (options.overrides ?? overridesModes())) return mode;
  return mode | (options.isDirectory ? 0o500 : 0o400);
}
