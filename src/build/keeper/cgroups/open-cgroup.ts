import { existsSync } from 'node:fs';
import { findProgram } from '../../../lib/find-program.ts';
import { readTextOrUndefined } from '../../../lib/read-text.ts';
import type { BuildCgroup } from '../../sandbox/cgroups/step-cgroup.ts';
import type { StepResources } from '../../sandbox/cgroups/step-resources.ts';
import { currentUser } from '../user-namespace.ts';
import { explainScope } from './explain-scope.ts';
import { type CgroupMachine, placeCgroup } from './place-cgroup.ts';
import { type CgroupWatch, watchCgroup } from './watch-cgroup.ts';

/** What the keeper is told. */
export interface CgroupConfig {
  readonly resources: StepResources;
  /** `scope`: the group above the keeper's own, which systemd made for it. */
  readonly groups: 'scope' | readonly BuildCgroup[];
}

export interface OpenedCgroup {
  readonly config: CgroupConfig;
  /** What the keeper's command is put behind. */
  readonly command: readonly string[];
  /** What of this process's environment that needs. */
  readonly env: NodeJS.ProcessEnv;
  /** Why the keeper did not start behind that command, from what it wrote; undefined when it was not for the command. */
  readonly explain?: (words: string) => Error | undefined;
  /** Absent where systemd removes the groups. */
  readonly watch?: CgroupWatch;
}

/** A group for the programs of the keeper `id`; UNSUPPORTED when there can be none. It goes with the keeper, however that ends. */
export function openCgroup(resources: StepResources, id: string): OpenedCgroup {
  const { env } = systemd();
  const place = placeCgroup(resources, id, cgroupMachine());
  if (place.kind === 'scope') {
    const { command } = place;
    return { config: { resources, groups: 'scope' }, command, env, explain: explainScope };
  }
  return {
    config: { resources, groups: place.groups },
    command: [],
    env: {},
    watch: watchCgroup(place.made),
  };
}

/** This one. */
export function cgroupMachine(): CgroupMachine {
  const { systemdRun } = systemd();
  return { ...readCgroups(), systemdRun, user: currentUser().username };
}

export function readCgroups(): Pick<CgroupMachine, 'mountinfo' | 'cgroup'> {
  return {
    mountinfo: readTextOrUndefined('/proc/self/mountinfo') ?? '',
    cgroup: readTextOrUndefined('/proc/self/cgroup') ?? '',
  };
}

/** The system's manager for root, else the user's own (sd_booted(3), pam_systemd(8)). */
function systemd(): { readonly systemdRun: string[] | undefined; readonly env: NodeJS.ProcessEnv } {
  const program = findProgram('systemd-run');
  const uid = process.getuid?.() ?? 0;
  if (program === undefined || !existsSync('/run/systemd/system')) return { systemdRun: undefined, env: {} };
  if (uid === 0) return { systemdRun: [program], env: {} };
  const { XDG_RUNTIME_DIR = `/run/user/${uid}`, DBUS_SESSION_BUS_ADDRESS } = process.env;
  if (!existsSync(`${XDG_RUNTIME_DIR}/systemd/private`)) return { systemdRun: undefined, env: {} };
  const bus = DBUS_SESSION_BUS_ADDRESS === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS };
  return { systemdRun: [program, '--user'], env: { XDG_RUNTIME_DIR, ...bus } };
}
