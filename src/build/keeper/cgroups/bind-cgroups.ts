import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../../lib/errors.ts';
import type { BuildCgroup } from '../../sandbox/cgroups/step-cgroup.ts';
import { type MountCalls, mountFlags } from '../../snapshot/mount-calls.ts';
import { type CgroupConfig, readCgroups } from './open-cgroup.ts';
import { scopeGroup } from './place-cgroup.ts';

/** Groups that are open: mounts may lie over them by now. */
export interface OpenGroup {
  readonly group: BuildCgroup;
  readonly fd: number;
}

/** Before the keeper changes what is mounted. */
export function openGroups(config: CgroupConfig | undefined): OpenGroup[] {
  if (config === undefined) return [];
  return groupsOf(config).map((group) => {
    const fd = openSync(group.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    return { group, fd };
  });
}

function groupsOf({ groups }: CgroupConfig): readonly BuildCgroup[] {
  if (groups !== 'scope') return groups;
  const group = scopeGroup(readCgroups());
  if (group === undefined) throw failure('SANDBOX', 'find', 'control group', 'systemd’s scope is not there');
  return [group];
}

/** The groups where this process can write to them, below its own directory: /sys is read-only. */
export function bindGroups(open: readonly OpenGroup[], directory: string, calls: MountCalls): BuildCgroup[] {
  return open.map(({ group, fd }, index) => {
    const target = groupPath(directory, index);
    mkdirSync(target, { recursive: true });
    calls.mount(`/proc/self/fd/${fd}`, target, '', mountFlags.bind);
    closeSync(fd);
    calls.setReadOnly(target, false, { recursive: false });
    return { ...group, directory: target };
  });
}

/** A mount in the keeper's directory is in the way of its removal. */
export function unbindGroups(groups: readonly BuildCgroup[], calls: MountCalls): void {
  for (const { directory } of groups) calls.unmount(directory);
}

function groupPath(directory: string, index: number): string {
  return join(directory, 'cgroups', `${index}`);
}
