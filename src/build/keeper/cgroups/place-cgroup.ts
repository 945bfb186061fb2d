import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { failure, reasonOf } from '../../../lib/errors.ts';
import { readTextOrUndefined } from '../../../lib/read-text.ts';
import { type CgroupHierarchy, cgroupHierarchies } from '../../sandbox/cgroups/cgroup-hierarchies.ts';
import { type BuildCgroup, inheritCpuset } from '../../sandbox/cgroups/step-cgroup.ts';
import {
  type CgroupController,
  controllersOf,
  type StepResources,
} from '../../sandbox/cgroups/step-resources.ts';

/** Where a build's programs get their groups. */
export type CgroupPlace =
  | {
      /** Directories that are there now, for this build alone. */
      readonly kind: 'groups';
      readonly groups: readonly BuildCgroup[];
      /** What was made, outermost first: to be removed. */
      readonly made: readonly string[];
    }
  | {
      /** systemd makes a scope, moves the keeper there and gives it its subtree; it takes all away when the keeper has ended. */
      readonly kind: 'scope';
      /** What the keeper's command is put behind. */
      readonly command: readonly string[];
    };

/** What is looked at. */
export interface CgroupMachine {
  /** Texts of /proc/self/mountinfo and /proc/self/cgroup. */
  readonly mountinfo: string;
  readonly cgroup: string;
  /** systemd-run(1) with what names the manager to ask; undefined where there is none. */
  readonly systemdRun: readonly string[] | undefined;
  readonly user: string;
}

/** A group for the build `id`. UNSUPPORTED when this machine gives none, with what mends that. */
export function placeCgroup(resources: StepResources, id: string, machine: CgroupMachine): CgroupPlace {
  const hierarchies = cgroupHierarchies(machine.mountinfo, machine.cgroup);
  const first = hierarchies.filter(({ version }) => version === 1);
  const unified = hierarchies.find(({ version }) => version === 2);
  const limits = controllersOf(resources);
  const named = limits.length === 0 ? (['memory', 'cpu'] as const) : limits;
  const held = first.filter(({ controllers }) => named.some((name) => controllers.includes(name)));
  const missing = named.filter((name) => !held.some(({ controllers }) => controllers.includes(name)));
  const made: string[] = [];
  try {
    if (missing.length === 0) return { kind: 'groups', made, groups: groupsV1(held, named, made) };
    if (unified === undefined || (limits.length > 0 && !offers(unified, missing)))
      throw noController(missing);
    if (held.length > 0 && limits.length > 0)
      throw failure(
        'UNSUPPORTED',
        'limit',
        limits.join(', '),
        'some of the controllers are of version 1, some of 2',
      );
    const scope = scopeFor(unified.mountPoint, limits);
    if (scope !== undefined) return { kind: 'scope', command: scope };
    return { kind: 'groups', made, groups: [groupV2(unified, limits, made)] };
  } catch (error) {
    removeMade(made);
    throw error;
  }

  function groupsV1(
    held: readonly CgroupHierarchy[],
    named: readonly CgroupController[],
    made: string[],
  ): BuildCgroup[] {
    return held.map((hierarchy) => {
      const parent = parentIn(hierarchy) ?? hierarchy.own;
      const controllers = named.filter((name) => hierarchy.controllers.includes(name));
      try {
        makeBelow(hierarchy.mountPoint, parent, made, controllers.includes('cpuset'));
        const directory = makeGroup(parent, id, made);
        if (controllers.includes('cpuset')) inheritCpuset(directory);
        return { version: 1, controllers, directory } as const;
      } catch (error) {
        throw refused(parent, error, held, machine);
      }
    });
  }

  function groupV2(unified: CgroupHierarchy, limits: readonly string[], made: string[]): BuildCgroup {
    const wanted = parentIn(unified);
    const candidates = wanted === undefined ? upwards(unified.own, unified.mountPoint) : [wanted];
    let reason: unknown;
    for (const parent of candidates) {
      const here: string[] = [];
      try {
        makeBelow(unified.mountPoint, parent, here, false);
        for (const path of upwards(parent, unified.mountPoint).reverse()) enable(path, limits);
        const directory = makeGroup(parent, id, here);
        enable(directory, limits);
        made.push(...here);
        return { version: 2, directory };
      } catch (error) {
        removeMade(here);
        reason ??= error;
      }
    }
    throw refused(candidates[0] ?? unified.mountPoint, reason, [unified], machine);
  }

  function parentIn({ mountPoint }: CgroupHierarchy): string | undefined {
    const { cgroupParent } = resources;
    return cgroupParent === undefined ? undefined : join(mountPoint, expandSlice(cgroupParent));
  }

  function scopeFor(mountPoint: string, limits: readonly string[]): string[] | undefined {
    const { cgroupParent } = resources;
    const { systemdRun } = machine;
    if (systemdRun === undefined || (cgroupParent !== undefined && !cgroupParent.endsWith('.slice')))
      return undefined;
    const slice = cgroupParent === undefined ? [] : [`--slice=${cgroupParent}`];
    const options = ['--scope', '--quiet', '--collect', '--property=Delegate=yes', ...slice];
    return [
      ...[...systemdRun, ...options, `--unit=polyarch-${id}`, '--', 'sh', '-c', moveIn],
      ...[mountPoint, limits.map((name) => `+${name}`).join(' ')],
    ];
  }
}

/** In the scope, before there are other namespaces: a group that has programs of its own may not give controllers to others. */
const moveIn = `group=$0$(sed -n s/^0:://p /proc/self/cgroup)
mkdir "$group/keeper" && echo $$ >"$group/keeper/cgroup.procs" &&
  { [ -z "$1" ] || echo "$1" >"$group/cgroup.subtree_control"; } || exit 1
shift
exec "$@"`;

/** Of a keeper in a scope: the scope's own group. */
export function scopeGroup(machine: Pick<CgroupMachine, 'mountinfo' | 'cgroup'>): BuildCgroup | undefined {
  const unified = cgroupHierarchies(machine.mountinfo, machine.cgroup).find(({ version }) => version === 2);
  return unified && { version: 2, directory: dirname(unified.own) };
}

/** `a-b.slice` lies in `a.slice` (systemd.slice(5)); other names are paths already. */
export function expandSlice(parent: string): string {
  if (parent.includes('/') || !parent.endsWith('.slice')) return parent;
  const parts = parent.slice(0, -'.slice'.length).split('-');
  return parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`).join('/');
}

function offers({ own, mountPoint }: CgroupHierarchy, missing: readonly string[]): boolean {
  const text = readTextOrUndefined(join(mountPoint, 'cgroup.controllers')) ?? '';
  const here = readTextOrUndefined(join(own, 'cgroup.controllers')) ?? '';
  const offered = `${text} ${here}`.split(/\s+/);
  return missing.every((name) => offered.includes(name));
}

/** As `CgroupPlace` has them, outermost first. */
export function removeMade(made: readonly string[]): void {
  for (const directory of made.toReversed()) rmdirSync(directory);
}

/** From `path` to `top`, both included. */
function upwards(path: string, top: string): string[] {
  const paths = [path];
  for (let at = path; at !== top && at.startsWith(`${top}/`); ) {
    at = dirname(at);
    paths.push(at);
  }
  return paths;
}

function makeBelow(top: string, path: string, made: string[], cpuset: boolean): void {
  if (relative(top, path).startsWith('..'))
    throw failure('USAGE', 'use --cgroup-parent', path, 'it leads out of the hierarchy');
  for (const directory of upwards(path, top).reverse()) {
    if (!makeDirectory(directory)) continue;
    made.push(directory);
    if (cpuset) inheritCpuset(directory);
  }
}

function makeGroup(parent: string, id: string, made: string[]): string {
  const directory = join(parent, `polyarch-${id}`);
  mkdirSync(directory);
  made.push(directory);
  return directory;
}

/** False where it is there. */
function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function enable(group: string, controllers: readonly string[]): void {
  const path = join(group, 'cgroup.subtree_control');
  const enabled = (readTextOrUndefined(path) ?? '').split(/\s+/);
  const lacking = controllers.filter((name) => !enabled.includes(name));
  if (lacking.length > 0) writeFileSync(path, lacking.map((name) => `+${name}`).join(' '));
}

function noController(missing: readonly string[]): Error {
  const what = `no control group here has the controller ${missing.join(', ')}`;
  return failure('UNSUPPORTED', 'limit', missing.join(', '), what, {
    hint: 'for an ordinary user of systemd, as root: systemctl edit user@.service, with [Service] Delegate=cpu cpuset io memory pids; a container can be limited as a whole: docker run --memory 2g --cpus 2',
  });
}

function refused(
  parent: string,
  error: unknown,
  hierarchies: readonly CgroupHierarchy[],
  { user }: CgroupMachine,
): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === '') return error as Error;
  const isSecond = hierarchies.some(({ version }) => version === 2);
  const mounts = hierarchies.map(({ mountPoint }) => mountPoint).join(' ');
  const hints: Readonly<Record<string, string>> = {
    EROFS:
      'limit the container as a whole (docker run --memory 2g --cpus 2), or let it write there: docker run --privileged',
    EBUSY: `move what runs in that group into one below it, as root: mkdir ${parent}/init && xargs -rn1 <${parent}/cgroup.procs >${parent}/init/cgroup.procs`,
  };
  const denied = isSecond
    ? `systemd gives users groups of their own: as root loginctl enable-linger ${user}, then log in anew`
    : `as root: for at in ${mounts}; do mkdir -p $at/polyarch && chown ${user} $at/polyarch; done; then polyarch build --cgroup-parent polyarch`;
  return failure('UNSUPPORTED', 'make a control group in', parent, reasonOf(error), {
    hint: hints[code] ?? denied,
    cause: error,
  });
}
