import type { ProcessUser } from './accounts.ts';

/** What config.json is made of, all looked up already (OCI runtime-spec, config.md and config-linux.md). */
export interface OciSpecInput {
  readonly root: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ProcessUser;
  readonly hostname: string;
  readonly network: 'host' | 'none';
  /** The runtime runs in a user namespace that is not the host's. */
  readonly inUserNamespace: boolean;
  readonly capabilities: readonly string[];
  /** Generated files to put over the tree's own: path in the container → file. Read-only. */
  readonly files: Readonly<Record<string, string>>;
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Paths that Docker hides from containers (moby, oci/defaults.go). */
const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function ociSpec(input: OciSpecInput): object {
  const { user, capabilities } = input;
  const namespaces = ['pid', 'mount', 'ipc', 'uts', ...(input.network === 'none' ? ['network'] : [])];
  return {
    ociVersion: '1.0.2',
    hostname: input.hostname,
    root: { path: input.root, readonly: false },
    process: {
      terminal: false,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.groups, umask: 0o022 },
      args: input.args,
      env: withHome(input.env, user.home),
      cwd: input.cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: false,
    },
    mounts: [...systemMounts(input), ...fileMounts(input.files)],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** Where `ociSpec` mounts something: a runtime makes the path when the tree has none. */
export const mountPoints = ['/proc', '/dev', '/sys'];

function systemMounts(input: OciSpecInput): Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    // Read-only behind the runtime's own nodes: no step makes a device there, the one place where devices open.
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k', 'ro'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    {
      destination: '/dev/mqueue',
      type: 'mqueue',
      source: 'mqueue',
      options: ['nosuid', 'noexec', 'nodev'],
    },
    sysMount(input),
  ];
}

/** The kernel mounts sysfs only for the owner of the network namespace; else the host's is shown, its submounts with it. */
function sysMount({ network, inUserNamespace }: OciSpecInput): Mount {
  const options = ['nosuid', 'noexec', 'nodev', 'ro'];
  if (network === 'host' && inUserNamespace) {
    return { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', ...options] };
  }
  return { destination: '/sys', type: 'sysfs', source: 'sysfs', options };
}

function fileMounts(files: Readonly<Record<string, string>>): Mount[] {
  return Object.entries(files).map(([destination, source]) => ({
    destination,
    type: 'bind',
    source,
    options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec'],
  }));
}

function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`];
}
