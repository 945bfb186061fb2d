import { capabilitySet } from '../../lib/capability-set.ts';

/** capability.h: a name's position is its number. */
const names = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL'],
  ...[
    'SETFCAP',
    'MAC_OVERRIDE',
    'MAC_ADMIN',
    'SYSLOG',
    'WAKE_ALARM',
    'BLOCK_SUSPEND',
    'AUDIT_READ',
    'PERFMON',
  ],
  ...['BPF', 'CHECKPOINT_RESTORE'],
];

/** What Docker gives a container (moby, oci/caps/defaults.go). */
const defaults = new Set([
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'NET_BIND_SERVICE'],
  ...['NET_RAW', 'SYS_CHROOT', 'MKNOD', 'AUDIT_WRITE', 'SETFCAP'],
]);

/**
 * Docker's default set, or for `insecure` every capability, less what this process itself may not give. `status` is /proc/self/status.
 */
export function containerCapabilities(
  status: string,
  security: 'sandbox' | 'insecure' = 'sandbox',
): string[] {
  const mask = capabilitySet(status, 'CapBnd') ?? 0xffffffffffffffffn;
  return names
    .filter(
      (name, number) => (mask >> BigInt(number)) & 1n && (security === 'insecure' || defaults.has(name)),
    )
    .map((name) => `CAP_${name}`);
}

/** Whether a process may use a capability now. `status` is its /proc/PID/status. */
export function holdsCapability(status: string, name: string): boolean {
  return (((capabilitySet(status, 'CapEff') ?? 0n) >> BigInt(names.indexOf(name))) & 1n) === 1n;
}

/** Numbers of all capabilities that there are or may be one day, less those named. */
export function otherCapabilities(kept: readonly string[]): number[] {
  const keptNumbers = new Set(kept.map((name) => names.indexOf(name.replace(/^CAP_/, ''))));
  return Array.from({ length: 64 }, (_, number) => number).filter((number) => !keptNumbers.has(number));
}
