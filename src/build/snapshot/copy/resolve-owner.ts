import type { BytePath } from '../../../archive/byte-path.ts';
import { failure } from '../../../lib/errors.ts';
import type { Owner } from './copy-plan.ts';

/** The files of a tree that know accounts. */
export interface AccountFiles {
  /** A regular file's bytes, links followed inside the tree; undefined when there is none. Asked for etc/passwd and etc/group, for names only. */
  readFile(path: BytePath): Promise<Buffer | undefined>;
}

const maxId = 0xffff_fffe;

/**
 * Ids behind `--chown` or USER, `user[:group]`: a number alone is the group too, a name brings its primary group (BuildKit
 * solver/llbsolver/ops/user_linux.go). A name that the tree does not know is an error: BuildKit takes 0:0 silently.
 */
export async function resolveOwner(owner: string, accounts: AccountFiles): Promise<Owner> {
  const colon = owner.indexOf(':');
  const user = colon < 0 ? owner : owner.slice(0, colon);
  const group = colon < 0 ? undefined : owner.slice(colon + 1);
  const ids = user === '' ? { uid: 0, gid: 0 } : await userIds(user, owner, accounts);
  // As BuildKit has it, an empty side is root.
  if (group === undefined) return ids;
  return { uid: ids.uid, gid: group === '' ? 0 : await groupId(group, owner, accounts) };
}

async function userIds(user: string, owner: string, accounts: AccountFiles): Promise<Owner> {
  if (/^[0-9]+$/.test(user)) {
    const uid = checkedId(user, owner);
    return { uid, gid: uid };
  }
  const [, , uid, gid] = (await record(accounts, 'etc/passwd', user)) ?? [];
  if (uid === undefined || gid === undefined) throw unknown(owner, `no user "${user}" in /etc/passwd`);
  return { uid: checkedId(uid, owner), gid: checkedId(gid, owner) };
}

async function groupId(group: string, owner: string, accounts: AccountFiles): Promise<number> {
  if (/^[0-9]+$/.test(group)) return checkedId(group, owner);
  const [, , gid] = (await record(accounts, 'etc/group', group)) ?? [];
  if (gid === undefined) throw unknown(owner, `no group "${group}" in /etc/group`);
  return checkedId(gid, owner);
}

/** The colon-separated fields of the first line for `name`. */
async function record(accounts: AccountFiles, file: string, name: string): Promise<string[] | undefined> {
  const text = (await accounts.readFile(file))?.toString('utf8') ?? '';
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .find((fields) => fields[0] === name);
}

function checkedId(text: string, owner: string): number {
  const id = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (id <= maxId) return id;
  throw failure('DOCKERFILE', 'resolve owner', owner, `"${text}" is no user or group id`);
}

function unknown(owner: string, what: string): Error {
  return failure('NOT_FOUND', 'resolve owner', owner, `${what} of the image`, {
    hint: 'create the account in an earlier RUN, or name it by its number',
  });
}
