import { join, relative } from 'node:path';

/** A mounted hierarchy of control groups, and where this process is in it. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** Of version 1: what it controls. Of version 2 a file of each group says so. */
  readonly controllers: readonly string[];
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** This process's own group as a path of the file system; the mount point where the group is not below what is mounted. */
  readonly own: string;
}

/** From /proc/self/mountinfo and /proc/self/cgroup (cgroups(7)). Of a mount that is there twice the first counts. */
export function cgroupHierarchies(mountinfo: string, cgroup: string): CgroupHierarchy[] {
  const groups = cgroup.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ names: controllers.split(','), path }];
  });
  const found: CgroupHierarchy[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '/', mountPoint = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const version = type === 'cgroup2' ? 2 : 1;
    const superOptions = options.split(',');
    const group = groups.find(({ names }) =>
      version === 2 ? names[0] === '' : names.some((name) => name !== '' && superOptions.includes(name)),
    );
    if (group === undefined) continue;
    const controllers = version === 2 ? [] : group.names;
    if (found.some((other) => other.version === version && `${other.controllers}` === `${controllers}`))
      continue;
    const below = relative(root, group.path);
    found.push({
      ...{ version, controllers, mountPoint },
      own: below.startsWith('..') ? mountPoint : join(mountPoint, below),
    });
  }
  return found;
}
