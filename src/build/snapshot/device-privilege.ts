import { readFileSync } from 'node:fs';

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
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> capMknod) & 1n) === 1n;
}
