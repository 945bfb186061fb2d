/** Device nodes of a container (OCI runtime-spec, config-linux.md, "Default Devices"). */
export const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** Names in a container's /dev that lead elsewhere, and where. */
export const deviceLinks = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
};
