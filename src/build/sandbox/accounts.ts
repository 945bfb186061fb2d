import { failure } from '../../lib/errors.ts';
import { readInRoot } from './rooted-path.ts';

/** Largest /etc/passwd or /etc/group that is read. */
const maxAccountsBytes = 4 * 1024 * 1024;

/** Linux: ids are 32 bits, and the last one means "unchanged". */
const maxId = 0xfffffffe;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups: the own one first, then in ascending order. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** The users and groups of a root file system: its own /etc/passwd and /etc/group, never the host's. */
export class Accounts {
  readonly #users: readonly PasswdEntry[];
  readonly #groups: readonly GroupEntry[];

  constructor(passwd: string, group: string) {
    this.#users = rows(passwd).flatMap(([name, , uid, gid, , home]) =>
      name && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }] : [],
    );
    this.#groups = rows(group).flatMap(([name, , gid, members]) =>
      name && isId(gid)
        ? [{ name, gid: Number(gid), members: (members ?? '').split(',').filter(Boolean) }]
        : [],
    );
  }

  static of(root: string): Accounts {
    return new Accounts(
      readInRoot(root, '/etc/passwd', maxAccountsBytes) ?? '',
      readInRoot(root, '/etc/group', maxAccountsBytes) ?? '',
    );
  }

  /** Whom a program runs as: USER's rules. A number needs no entry; supplementary groups come with a user that names no group. */
  processUser(spec: string): ProcessUser {
    const { user, group } = split(spec);
    const found = this.#user(user);
    if (found === undefined && !isId(user)) throw unknown('user', user, spec, '/etc/passwd');
    const uid = found?.uid ?? Number(user);
    const home = found?.home ?? '/';
    if (group !== undefined) {
      const gid = this.#gid(group, spec);
      return { uid, gid, groups: [gid], home };
    }
    const gid = found?.gid ?? 0;
    const more = found === undefined ? [] : this.#memberships(found.name);
    return { uid, gid, groups: [gid, ...more.filter((other) => other !== gid)], home };
  }

  /** Whom a copied file belongs to: `--chown`'s rules, where a number alone is the group too and an empty side is root (BuildKit ops/user_linux.go). */
  owner(spec: string): { uid: number; gid: number } {
    const { user, group = spec.includes(':') ? '0' : undefined } = split(spec);
    const found = isId(user) ? undefined : this.#user(user);
    if (found === undefined && !isId(user)) throw unknown('user', user, spec, '/etc/passwd');
    const uid = found?.uid ?? Number(user);
    return { uid, gid: group === undefined ? (found?.gid ?? uid) : this.#gid(group, spec) };
  }

  #user(user: string): PasswdEntry | undefined {
    return (
      this.#users.find((entry) => entry.name === user) ??
      (isId(user) ? this.#users.find((entry) => entry.uid === Number(user)) : undefined)
    );
  }

  #gid(group: string, spec: string): number {
    const named = this.#groups.find((entry) => entry.name === group);
    if (named !== undefined) return named.gid;
    if (isId(group)) return Number(group);
    throw unknown('group', group, spec, '/etc/group');
  }

  #memberships(name: string): number[] {
    const ids = this.#groups.filter((entry) => entry.members.includes(name)).map((entry) => entry.gid);
    return [...new Set(ids)].sort((a, b) => a - b);
  }
}

/** `--chown`'s ids where numbers alone say them; undefined where a name has to be looked up in a tree's own accounts. */
export function ownerOfNumbers(spec: string): { uid: number; gid: number } | undefined {
  if (!/^[0-9]*(:[0-9]*)?$/.test(spec)) return undefined;
  return new Accounts('', '').owner(spec);
}

/** `user`, `user:group`; an empty user is root. */
function split(spec: string): { user: string; group: string | undefined } {
  const colon = spec.indexOf(':');
  const user = colon < 0 ? spec : spec.slice(0, colon);
  const group = colon < 0 ? undefined : spec.slice(colon + 1);
  return { user: user === '' ? '0' : user, group: group === '' ? undefined : group };
}

function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'));
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) && Number(text) <= maxId;
}

function unknown(what: string, name: string, spec: string, file: string): Error {
  const said = /^[0-9]+$/.test(name)
    ? `"${name}" is no user or group id`
    : `the image's ${file} has no ${what} "${name}"`;
  return failure('NOT_FOUND', 'find user', spec, said, {
    hint: `add it with a RUN step, or write the number`,
  });
}
