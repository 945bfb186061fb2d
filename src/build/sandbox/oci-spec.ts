import type { ProcessUser } from './accounts.ts';
import type { SandboxLimits, SandboxMount, SandboxSpec } from './sandbox.ts';
import type { SeccompProfile } from './seccomp-profile.ts';

/** What config.json is made of, all looked up already (OCI runtime-spec, config.md and config-linux.md). */
export interface OciSpecInput {
  readonly root: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ProcessUser;
  readonly hostname: string;
  readonly network: 'host' | 'none';
  /** The runtime makes the program a terminal of this size and joins it to its own. Default: none. */
  readonly terminal?: TerminalSize | undefined;
  /** The runtime runs in a user namespace that is not the host's. */
  readonly inUserNamespace: boolean;
  /** One id is mapped, no group can be set. */
  readonly singleId: boolean;
  /** `kept`: a bind has the flags of its source. `told`: it has those that it is told, and loses others. */
  readonly bindFlags: 'kept' | 'told';
  readonly capabilities: readonly string[];
  /** Generated files to put over the tree's own: path in the container → file. Read-only. */
  readonly files: Readonly<Record<string, string>>;
  /** Behind the files. A bind's source carries its flags already. */
  readonly mounts: readonly SandboxMount[];
  readonly security: SandboxSpec['security'];
  readonly limits: SandboxLimits;
  /** `linux.seccomp`; not for an insecure program. Undefined where the runtime has no seccomp. */
  readonly seccomp?: SeccompProfile | undefined;
  /** SandboxSpec.joins. */
  readonly joins?: readonly string[];
}

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface OciHook {
  readonly path: string;
  /** With the program's name first. */
  readonly args: readonly string[];
}

/** In characters; 0 where it is not known. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What of config.json is used. */
export interface OciSpec {
  readonly ociVersion: string;
  readonly hostname: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly process: {
    readonly terminal: boolean;
    /** Without it a runtime sets the size when the program runs already, which may have asked by then. */
    readonly consoleSize?: { readonly height: number; readonly width: number };
    readonly user: {
      readonly uid: number;
      readonly gid: number;
      readonly additionalGids: readonly number[];
      readonly umask: number;
    };
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly capabilities: Readonly<Record<'bounding' | 'effective' | 'permitted', readonly string[]>>;
    readonly noNewPrivileges: boolean;
    /** 2^64 - 1: no limit. */
    readonly rlimits: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
  };
  readonly mounts: readonly OciMount[];
  /** `createRuntime`: run before the program, with its state as JSON on stdin (OCI runtime-spec, config.md, POSIX-platform Hooks). */
  readonly hooks?: { readonly createRuntime: readonly OciHook[] };
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
    readonly seccomp?: SeccompProfile;
  };
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
/** moby, daemon/config: DefaultShmSize. */
const defaultShmBytes = 64 * 1024 * 1024;
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function ociSpec(input: OciSpecInput): OciSpec {
  const { user, capabilities, limits } = input;
  const insecure = input.security === 'insecure';
  const namespaces = ['pid', 'mount', 'ipc', 'uts', ...(input.network === 'none' ? ['network'] : [])];
  return {
    ociVersion: '1.0.2',
    hostname: input.hostname,
    root: { path: input.root, readonly: false },
    process: {
      terminal: input.terminal !== undefined,
      ...consoleSize(input.terminal),
      user: { uid: user.uid, gid: user.gid, additionalGids: input.singleId ? [] : user.groups, umask: 0o022 },
      args: input.args,
      env: withHome(input.env, user.home),
      cwd: input.cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: false,
      rlimits: limits.ulimits.map(({ name, soft, hard }) => ({
        type: `RLIMIT_${name.toUpperCase()}`,
        soft: rlimit(soft),
        hard: rlimit(hard),
      })),
    },
    mounts: [
      ...systemMounts(input),
      ...fileMounts(input.files),
      ...input.mounts.map((mount) => givenMount(mount, input)),
    ],
    ...(input.joins && { hooks: { createRuntime: [joinHook(input.joins)] } }),
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      ...(insecure ? {} : { maskedPaths, readonlyPaths, ...(input.seccomp && { seccomp: input.seccomp }) }),
    },
  };
}

/** Where `ociSpec` mounts something: a runtime makes the path when the tree has none. */
export const mountPoints = ['/proc', '/dev', '/sys'];

function systemMounts(input: OciSpecInput): OciMount[] {
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
      options: [
        ...['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
        ...(input.singleId ? [] : ['gid=5']),
      ],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${input.limits.shmBytes ?? defaultShmBytes}`],
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
function sysMount({ network, inUserNamespace }: OciSpecInput): OciMount {
  const options = ['nosuid', 'noexec', 'nodev', 'ro'];
  if (network === 'host' && inUserNamespace) {
    return { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', ...options] };
  }
  return { destination: '/sys', type: 'sysfs', source: 'sysfs', options };
}

function fileMounts(files: Readonly<Record<string, string>>): OciMount[] {
  return Object.entries(files).map(([destination, source]) => ({
    destination,
    type: 'bind',
    source,
    options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec'],
  }));
}

function givenMount(mount: SandboxMount, { bindFlags }: OciSpecInput): OciMount {
  const { target: destination } = mount;
  if (mount.kind === 'bind') {
    const told = bindFlags === 'kept' ? [] : ['nodev', ...(mount.readOnly ? ['ro'] : [])];
    return { destination, type: 'bind', source: mount.source, options: ['rbind', ...told] };
  }
  const size = mount.maxBytes === undefined ? [] : [`size=${mount.maxBytes}`];
  const options = ['nosuid', 'nodev', ...(mount.readOnly ? ['ro'] : []), ...size];
  return { destination, type: 'tmpfs', source: 'tmpfs', options };
}

/** Runtimes make no cgroups here: who does, whatever the version, has this move the program into them while it is being made. */
const moveProgram =
  'pid=$(sed -n "s/.*\\"pid\\": *\\([0-9]*\\).*/\\1/p"); for group; do echo "$pid" >"$group" || exit 1; done';

function joinHook(joins: readonly string[]): OciHook {
  return { path: '/bin/sh', args: ['sh', '-c', moveProgram, 'sh', ...joins] };
}

/** RLIM_INFINITY: JSON.stringify would write the number as 18446744073709552000, which a runtime refuses. */
const infinity = (JSON as unknown as { rawJSON(text: string): number }).rawJSON('18446744073709551615');

function rlimit(value: number): number {
  return value < 0 ? infinity : value;
}

function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`];
}

function consoleSize(terminal: TerminalSize | undefined): Pick<OciSpec['process'], 'consoleSize'> {
  const { rows = 0, columns = 0 } = terminal ?? {};
  return rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {};
}
