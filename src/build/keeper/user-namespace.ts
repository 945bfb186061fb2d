import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { failure, reasonOf } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';

/** A row of uid_map or gid_map: `count` ids from `inside` are the ids from `outside` of the parent namespace. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Fewer ids than this and `chown` to an image's usual owners (65534 among them) fails. */
const usualCount = 65536;

/** Maps the ids of the process's new user namespace: all of ours as root, ours and the subordinate ones as an ordinary user, or ours alone. */
export async function mapIds(
  pid: number,
  options: { readonly ids: Ids; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (process.getuid?.() === 0) {
    for (const file of ['uid_map', 'gid_map']) {
      await written(pid, file, formatRanges(identityRanges(await readFile(`/proc/self/${file}`, 'utf8'))), {
        hint: 'mapping id 0 needs CAP_SETFCAP, which this container may lack: docker run --cap-add SETFCAP',
      });
    }
    return;
  }
  if (options.ids === 'single') {
    // The kernel lets an ordinary user map its own group only when nobody inside can drop one.
    for (const [file, text] of [
      ['setgroups', 'deny'],
      ['uid_map', `0 ${process.getuid?.()} 1\n`],
      ['gid_map', `0 ${process.getgid?.()} 1\n`],
    ] as const) {
      await written(pid, file, text, { hint: restrictedHint });
    }
    return;
  }
  const user = currentUser();
  await mapWith('newuidmap', '/etc/subuid', pid, { ...user, own: user.uid }, options.signal);
  await mapWith('newgidmap', '/etc/subgid', pid, { ...user, own: process.getgid?.() ?? 0 }, options.signal);
}

async function written(pid: number, file: string, text: string, { hint }: { readonly hint: string }) {
  try {
    await writeFile(`/proc/${pid}/${file}`, text);
  } catch (error) {
    throw failure('SANDBOX', 'make user namespace', file, reasonOf(error), { hint, cause: error });
  }
}

/** A container may run as a number that no account has; its name is the number then. */
export function currentUser(): { readonly username: string; readonly uid: number } {
  const uid = process.getuid?.() ?? 0;
  try {
    return { username: userInfo().username, uid };
  } catch {
    return { username: `${uid}`, uid };
  }
}

/** `all`: enough ids for the users of an image. `single`: this user's own, as root. */
export type Ids = 'all' | 'single';

/** Why this user has one id only; undefined for one that has enough. */
export function lackingIds(): { readonly what: string; readonly hint: string } | undefined {
  if (process.getuid?.() === 0) {
    return isAlone(readTextOrUndefined('/proc/self/uid_map') ?? '')
      ? {
          what: 'this root is of a user namespace that maps one id',
          hint: 'start polyarch outside of unshare -r, or with unshare --map-root-user --map-auto',
        }
      : undefined;
  }
  const user = currentUser();
  for (const [program, file] of [
    ['newuidmap', '/etc/subuid'],
    ['newgidmap', '/etc/subgid'],
  ] as const) {
    if (findProgram(program) === undefined)
      return { what: `there is no ${program} on this machine`, hint: 'apt-get install uidmap' };
    const range = subordinateRange(readTextOrUndefined(file) ?? '', user);
    if (range !== undefined && range.count >= usualCount - 1) continue;
    const what = range === undefined ? 'has no line for the user' : `gives the user ${range.count} ids only`;
    return { what: `${file} ${what}`, hint: addIdsHint(user.username) };
  }
  return undefined;
}

/** Whether a user namespace has one id. `map`: text of its uid_map. */
export function isAlone(map: string): boolean {
  const ranges = parseRanges(map);
  return ranges.length === 1 && ranges[0]?.count === 1;
}

/** From /proc/self/status (prctl(2), PR_SET_NO_NEW_PRIVS): no program gains privileges, not even in a user namespace of its own. */
export function noNewPrivileges(status: string): boolean {
  return /^NoNewPrivs:\s*1/m.test(status);
}

export const newPrivilegesHint =
  'leave out docker run --security-opt no-new-privileges, in a service of systemd NoNewPrivileges=yes';

function addIdsHint(username: string): string {
  return `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username} (a range that nobody else has)`;
}

/**
 * Every id of this namespace as itself. In two ranges at least: a map of the one range `0 0 4294967295` reads as "no user namespace" to runc, which
 * then makes device nodes and fails.
 */
export function identityRanges(map: string): IdRange[] {
  return parseRanges(map).flatMap(({ inside, count }) =>
    inside === 0 && count > 1
      ? [
          { inside: 0, outside: 0, count: 1 },
          { inside: 1, outside: 1, count: count - 1 },
        ]
      : [{ inside, outside: inside, count }],
  );
}

export function parseRanges(map: string): IdRange[] {
  return map
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([inside, outside, count]) =>
      inside !== undefined && outside !== undefined && count ? [{ inside, outside, count }] : [],
    );
}

function formatRanges(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}

/** The largest range that subuid(5) gives to a user, by name or number. */
export function subordinateRange(
  text: string,
  user: { readonly username: string; readonly uid: number },
): { start: number; count: number } | undefined {
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(([owner]) => owner === user.username || owner === String(user.uid))
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => Number.isSafeInteger(start) && Number.isSafeInteger(count) && count > 0)
    .sort((a, b) => b.count - a.count)[0];
}

async function mapWith(
  name: string,
  file: string,
  pid: number,
  user: { readonly username: string; readonly uid: number; readonly own: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const program = findProgram(name);
  if (program === undefined) {
    throw failure('SANDBOX', 'make user namespace', user.username, `there is no ${name} on this machine`, {
      hint: 'apt-get install uidmap',
    });
  }
  const range = subordinateRange(await readFile(file, 'utf8').catch(() => ''), user);
  if (range === undefined || range.count < usualCount - 1) {
    const what = range === undefined ? `has no line for the user` : `gives the user ${range.count} ids only`;
    throw failure('SANDBOX', 'make user namespace', user.username, `${file} ${what}`, {
      hint: addIdsHint(user.username),
    });
  }
  const argv = [pid, 0, user.own, 1, 1, range.start, range.count].map(String);
  try {
    await promisify(execFile)(program, argv, { signal });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || reasonOf(error);
    throw failure('SANDBOX', 'make user namespace', user.username, said, {
      hint: `${program} must be setuid root or have the capability: apt-get install --reinstall uidmap`,
      cause: error,
    });
  }
}

/** No sysctl is in root's way. */
function restriction(): string {
  return process.getuid?.() === 0 ? containerHint : restrictedHint;
}

const containerHint =
  'a container withholds them: docker run --privileged; builds go on without, by --sandbox proot';

const restrictedHint =
  'Ubuntu restricts user namespaces: as root, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; old Debian: kernel.unprivileged_userns_clone=1; in a container: --privileged';

/** Why unshare(1) failed, from what it said. */
export function explainUnshare(stderr: string): Error {
  const said = stderr.trim().split('\n').at(-1) || 'it ended without a word';
  const hint = /no space left/i.test(said)
    ? 'user namespaces are switched off: as root, sysctl -w user.max_user_namespaces=28633'
    : /uid_map|operation not permitted|permission denied/i.test(said)
      ? restriction()
      : undefined;
  return failure('SANDBOX', 'make namespaces', 'keeper', said, { hint });
}
