/** setrlimit(2)'s resources (Linux, asm-generic/resource.h: all processors that Node runs on). */
const resources = [
  ...['CPU', 'FSIZE', 'DATA', 'STACK', 'CORE', 'RSS', 'NPROC', 'NOFILE', 'MEMLOCK', 'AS', 'LOCKS'],
  ...['SIGPENDING', 'MSGQUEUE', 'NICE', 'RTPRIO', 'RTTIME'],
];

/** `RLIMIT_NOFILE` → 7; undefined for no resource. */
export function resourceNumber(type: string): number | undefined {
  const number = resources.indexOf(type.replace(/^RLIMIT_/, ''));
  return number < 0 ? undefined : number;
}
