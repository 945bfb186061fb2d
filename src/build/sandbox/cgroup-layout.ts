/** How the kernel's control groups are mounted: version 1 has a hierarchy for each controller, systemd's hybrid layout version 2 beside them. */
export type CgroupLayout =
  | { readonly kind: 'none' | 'version 1' | 'version 2' }
  | { readonly kind: 'hybrid' /** Where version 2 is. */; readonly unified: string };

const directory = '/sys/fs/cgroup';

/** From /proc/self/mountinfo (proc_pid_mountinfo(5)). What lies below a later mount is hidden. */
export function cgroupLayout(mountinfo: string): CgroupLayout {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4];
    const type = after.split(' ')[0];
    return path !== undefined && type ? [{ path, type }] : [];
  });
  const top = mounts.findLastIndex(({ path }) => path === directory);
  if (mounts[top]?.type === 'cgroup2') return { kind: 'version 2' };
  const below = mounts.slice(top + 1).filter(({ path }) => path.startsWith(`${directory}/`));
  const unified = below.findLast(({ type }) => type === 'cgroup2')?.path;
  if (unified !== undefined) return { kind: 'hybrid', unified };
  return { kind: below.some(({ type }) => type === 'cgroup') ? 'version 1' : 'none' };
}
