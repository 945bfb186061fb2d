/** One of a process's sets of capabilities, a bit each (capabilities(7)), from the text of /proc/PID/status; undefined where it is not told. */
export function capabilitySet(status: string, name: 'CapBnd' | 'CapEff'): bigint | undefined {
  const digits = new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}
