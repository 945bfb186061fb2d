import { readFileSync } from 'node:fs';
import { capabilitySet } from '../../lib/capability-set.ts';

const capMknod = 27n;

/**
 * Whether mknod(2) makes devices for this process: no user namespace but the first lets anybody, and containers may run without CAP_MKNOD, as Podman's and
 * Kubernetes' restricted ones do. The device 0:0 needs no privilege.
 */
export function mayMakeDevices(
  uidMap: string = readFileSync('/proc/self/uid_map', 'latin1'),
  status: string = readFileSync('/proc/self/status', 'latin1'),
): boolean {
  // The first user namespace maps all ids onto themselves.
  if (!/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)) return false;
  return (((capabilitySet(status, 'CapEff') ?? 0n) >> capMknod) & 1n) === 1n;
}
