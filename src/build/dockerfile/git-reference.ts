import { posix } from 'node:path';
import { parseGoBoolean } from '../../lib/go-boolean.ts';

/** A git repository as ADD, a build context or `--build-context` names it. */
export interface GitReference {
  /** What git fetches from, with user and password if there are some: `https://…`, `ssh://…`, `git@host:path`. */
  readonly remote: string;
  /** Branch, tag or commit; the default branch where there is none. */
  readonly ref?: string;
  /** Clean, without slash in front. */
  readonly subdirectory?: string;
  /** Leading digits of the commit that the reference must be. */
  readonly checksum?: string;
  readonly keepGitDirectory?: boolean;
  /** Default true. */
  readonly submodules?: boolean;
  /** Times of files: the checkout's, or `commit`, the commit's. */
  readonly modified?: 'commit';
  /** The checksum, which is whole, is fetched whatever the reference says. */
  readonly fetchByCommit?: boolean;
}

export type ParsedGitReference =
  | { readonly kind: 'git'; readonly reference: GitReference }
  /** It is a repository's address, but not a valid one. */
  | { readonly kind: 'invalid'; readonly what: string };

const scpStyle = /^([a-zA-Z0-9_-]+)@([a-zA-Z0-9.-]+):([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;

/**
 * BuildKit's rules (frontend/dockerfile/dfgitutil, util/gitutil): `git://`, `ssh://` and `user@host:path` are repositories, `http://` and `https://`
 * are when the path ends in `.git`; `#ref:subdirectory` or a query say more. Undefined for anything else.
 */
export function parseGitReference(text: string): ParsedGitReference | undefined {
  const scp = scpStyle.exec(text);
  if (scp !== null) {
    const [, user = '', host = '', path = '', query = '', fragment = ''] = scp;
    return finish(`${user}@${host}:${path}`, new URLSearchParams(query), fragment);
  }
  if (!/^(?:https?|ssh|git):\/\//i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null) return undefined;
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  if (isHttp && !url.pathname.endsWith('.git')) return undefined;
  const { searchParams } = url;
  const fragment = decodeFragment(url.hash.slice(1));
  const remote = new URL(url);
  remote.hash = '';
  remote.search = '';
  return finish(remote.href, searchParams, fragment);
}

function finish(remote: string, query: URLSearchParams, fragment: string): ParsedGitReference {
  const colon = fragment.indexOf(':');
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  const subdirectory = colon < 0 ? '' : cleanDirectory(fragment.slice(colon + 1));
  const reference: Mutable = {
    remote,
    ...(ref !== '' && { ref }),
    ...(subdirectory !== '' && { subdirectory }),
  };
  const what = readQuery(reference, query) ?? problemOf(reference);
  return what === undefined ? { kind: 'git', reference } : { kind: 'invalid', what };
}

type Mutable = { -readonly [Name in keyof GitReference]: GitReference[Name] };

/** Says what is wrong with the query. */
function readQuery(reference: Mutable, query: URLSearchParams): string | undefined {
  let tag: string | undefined;
  let branch: string | undefined;
  for (const name of new Set(query.keys())) {
    const [value = '', ...more] = query.getAll(name);
    if (more.length > 0) return `query "${name}" has multiple values`;
    const isSwitch = name === 'submodules' || name === 'keep-git-dir' || name === 'fetch-by-commit';
    if (value === '' && !isSwitch) return `query "${name}" has no value`;
    const on = value === '' ? true : parseGoBoolean(value);
    if (isSwitch && on === undefined) return `invalid ${name} value: "${value}"`;
    if (name === 'submodules') reference.submodules = on === true;
    else if (name === 'keep-git-dir') reference.keepGitDirectory = on === true;
    else if (name === 'fetch-by-commit') reference.fetchByCommit = on === true;
    else if (name === 'ref') {
      if (reference.ref !== undefined && reference.ref !== value)
        return conflict('ref', reference.ref, value);
      reference.ref = value;
    } else if (name === 'subdir') {
      const clean = cleanDirectory(value);
      const before = reference.subdirectory;
      if (before !== undefined && before !== clean) return conflict('subdir', before, clean);
      if (clean !== '') reference.subdirectory = clean;
    } else if (name === 'checksum' || name === 'commit') reference.checksum = value;
    else if (name === 'mtime') {
      if (value !== 'checkout' && value !== 'commit') return `invalid mtime value: "${value}"`;
      if (value === 'commit') reference.modified = value;
    } else if (name === 'tag') tag = value;
    else if (name === 'branch') branch = value;
    else return `unexpected query "${name}"`;
  }
  if (tag !== undefined && branch !== undefined) return 'branch conflicts with tag';
  const full = tag === undefined ? prefixed('refs/heads/', branch) : prefixed('refs/tags/', tag);
  if (full === undefined) return undefined;
  if (reference.ref !== undefined && reference.ref !== full) return conflict('ref', reference.ref, full);
  reference.ref = full;
  return undefined;
}

/** What git could take for something else than a name. */
function problemOf({ ref = '', checksum, remote }: GitReference): string | undefined {
  if (ref.startsWith('-') || hasControl(ref)) return `invalid ref "${ref}"`;
  if (remote.startsWith('-') || hasControl(remote)) return 'invalid remote';
  if (checksum !== undefined && !/^[a-fA-F0-9]+$/.test(checksum)) {
    return `invalid checksum ${checksum}, expected a commit's hexadecimal digits`;
  }
  return undefined;
}

function hasControl(text: string): boolean {
  return /[\u0000-\u0020\u007f]/.test(text);
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name.startsWith(prefix) ? name : `${prefix}${name}`;
}

function conflict(what: string, one: string, other: string): string {
  return `${what} conflicts: "${one}" vs "${other}"`;
}

function cleanDirectory(path: string): string {
  return posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
