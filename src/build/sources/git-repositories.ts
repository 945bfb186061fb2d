import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../lib/atomic-file.ts';
import { digestOfValue } from '../../lib/canonical-json.ts';
import { hexOf } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { GitSource } from '../graph/op.ts';
import { removeGitFiles, setTimes, syncTree } from './checkout-tree.ts';
import { claimSource } from './claim-source.ts';
import { assertCommitLimits, type GitLimits, gitLimits } from './git-limits.ts';
import { redactRemote, splitCredentials } from './git-remote.ts';
import { type RunGitOptions, runGit } from './run-git.ts';

export interface GitCheckout {
  /** What was asked for, without the repository around a subdirectory. Not to be changed. */
  readonly directory: string;
  readonly commit: string;
}

export interface GitRepositoriesOptions {
  /** A directory for each checkout. No credentials are written there. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** Default `gitLimits`. */
  readonly limits?: GitLimits;
}

interface Resolved {
  readonly commit: string;
  /** As the remote has it; undefined when only the commit is known. */
  readonly ref: string | undefined;
}

/** What a build needs of it. */
export type RepositoryFetcher = Pick<GitRepositories, 'checkOut'>;

/** Fetches git repositories with the system's git, each commit once. */
export class GitRepositories {
  readonly #options: GitRepositoriesOptions;

  constructor(options: GitRepositoriesOptions) {
    this.#options = options;
  }

  /** UNSUPPORTED without git; LIMIT for a commit of too many files; NOT_FOUND, UNAUTHORIZED or NETWORK as git says; CONTENT_INVALID for another checksum. */
  async checkOut(source: GitSource, options: { readonly signal: AbortSignal }): Promise<GitCheckout> {
    const { remote, credentials } = splitCredentials(source.remote);
    const run: RunGitOptions = {
      env: this.#options.env,
      shown: redactRemote(remote),
      credentials,
      signal: options.signal,
    };
    const resolved = await resolve(source, remote, run);
    const { keepGitDirectory = false, submodules = true, modified, subdirectory = '' } = source;
    const name = keepGitDirectory ? resolved.ref : undefined;
    const key = { remote, commit: resolved.commit, name, keepGitDirectory, submodules, modified };
    const directory = join(this.#options.directory, hexOf(digestOfValue(key)));
    if ((await claimSource(directory)) === undefined) {
      await this.#make(directory, { ...source, remote, keepGitDirectory, submodules }, resolved, run);
    }
    await assertDirectories(directory, subdirectory, run.shown);
    return { directory: join(directory, subdirectory), commit: resolved.commit };
  }

  async #make(directory: string, source: GitSource, resolved: Resolved, run: RunGitOptions): Promise<void> {
    const temporary = `${directory}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
    try {
      const tree = join(temporary, 'tree');
      await mkdir(tree, { recursive: true });
      const gitDirectory = source.keepGitDirectory ? join(tree, '.git') : join(temporary, 'git');
      const git = { ...run, gitDirectory, workTree: tree };
      const format = resolved.commit.length === 64 ? ['--object-format=sha256'] : [];
      await runGit(['init', '-q', ...format], git);
      await runGit(['remote', 'add', 'origin', source.remote], git);
      await fetchCommit(resolved, git);
      await assertCommitLimits(resolved.commit, git, this.#options.limits ?? gitLimits);
      await runGit(['checkout', '-q', '--detach', resolved.commit], git);
      if (source.submodules) {
        await runShallow(['submodule', 'update', '-q', '--init', '--recursive', '--depth=1'], git);
        if (!source.keepGitDirectory) await removeGitFiles(Buffer.from(tree));
      }
      if (source.modified === 'commit') {
        const seconds = await runGit(['log', '-1', '--format=%ct', resolved.commit], git);
        await setTimes(Buffer.from(tree), Number(seconds.trim()));
      }
      if (source.keepGitDirectory) {
        await runGit(['reflog', 'expire', '--all', '--expire=now'], git);
        await rm(join(gitDirectory, 'FETCH_HEAD'), { force: true });
      }
      // A checkout that a power cut tore would be taken for whole by every build after it.
      await syncTree(tree, run);
      await rename(tree, directory).catch((error: NodeJS.ErrnoException) => {
        // Another build made the same meanwhile.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
      await syncDirectory(dirname(directory));
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

const isCommit = (text: string) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** What the reference is now: a branch before a tag of the same name, and of an annotated tag the commit (BuildKit source/git/source.go). */
async function resolve(source: GitSource, remote: string, run: RunGitOptions): Promise<Resolved> {
  const { ref, checksum } = source;
  if (ref !== undefined && isCommit(ref)) {
    assertChecksum(run.shown, checksum, [ref]);
    return { commit: ref, ref: undefined };
  }
  if (source.fetchByCommit) {
    if (checksum !== undefined && isCommit(checksum)) return { commit: checksum, ref: undefined };
    throw failure('DOCKERFILE', 'fetch', run.shown, 'fetch-by-commit needs a whole commit as checksum');
  }
  const wanted = ref ?? (await defaultBranch(remote, run));
  const listed = await runGit(['ls-remote', '-q', '--', remote, wanted, `${wanted}^{}`], run);
  const byName = new Map<string, string>();
  for (const line of listed.split('\n')) {
    const [commit = '', name] = line.split('\t');
    if (name !== undefined && isCommit(commit)) byName.set(name, commit);
  }
  const short = (prefix: string) =>
    prefix + (wanted.startsWith(prefix) ? wanted.slice(prefix.length) : wanted);
  const names = [short('refs/'), short('refs/heads/'), short('refs/tags/')];
  const name = names.find((candidate) => byName.has(candidate));
  const found = name === undefined ? undefined : byName.get(name);
  if (name === undefined || found === undefined) {
    throw failure('NOT_FOUND', 'fetch', run.shown, `it has no reference ${wanted}`);
  }
  const peeled = byName.get(`${name}^{}`);
  assertChecksum(run.shown, checksum, peeled === undefined ? [found] : [found, peeled]);
  return { commit: peeled ?? found, ref: name };
}

async function defaultBranch(remote: string, run: RunGitOptions): Promise<string> {
  const listed = await runGit(['ls-remote', '-q', '--symref', '--', remote, 'HEAD'], run);
  const branch = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(listed)?.[1];
  if (branch === undefined) throw failure('NOT_FOUND', 'fetch', run.shown, 'it has no default branch');
  return branch;
}

function assertChecksum(shown: string, wanted: string | undefined, found: readonly string[]): void {
  if (wanted === undefined || found.some((commit) => commit.startsWith(wanted.toLowerCase()))) return;
  const what = `its commit is ${found.join(' or ')}, the checksum says ${wanted}`;
  throw failure('CONTENT_INVALID', 'fetch', shown, what);
}

/** With the whole history where the server, one of plain files for instance, cannot leave it out. */
async function runShallow(args: readonly string[], git: RunGitOptions): Promise<void> {
  try {
    await runGit(args, git);
  } catch (error) {
    if (!isFailure(error, 'NETWORK') || !/shallow|--depth/.test(error.message)) throw error;
    await runGit(
      args.filter((word) => word !== '--depth=1'),
      git,
    );
  }
}

/** By its name as far as there is one; else, and where the name stands for another commit already, by the commit. */
async function fetchCommit({ commit, ref }: Resolved, git: RunGitOptions): Promise<void> {
  const has = async () => {
    try {
      await runGit(['cat-file', '-e', `${commit}^{commit}`], git);
      return true;
    } catch (error) {
      if (isFailure(error, 'INTERRUPTED')) throw error;
      return false;
    }
  };
  const shallow = ['fetch', '-q', '-u', '--no-tags', '--depth=1', 'origin'];
  if (ref !== undefined) {
    await runShallow([...shallow, `+${ref}:${ref}`], git);
    if (await has()) return;
  }
  try {
    await runShallow([...shallow, commit], git);
  } catch (error) {
    if (isFailure(error, 'INTERRUPTED', 'UNAUTHORIZED')) throw error;
    // The server gives commits by their names only.
    await runGit(['fetch', '-q', '-u', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*'], git);
  }
  if (!(await has())) throw failure('NOT_FOUND', 'fetch', git.shown, `it has no commit ${commit}`);
}

/** A link on the way could lead anywhere. */
async function assertDirectories(root: string, subdirectory: string, shown: string): Promise<void> {
  let path = root;
  for (const part of subdirectory.split('/').filter((name) => name !== '')) {
    path = join(path, part);
    const state = await lstat(path).catch(() => undefined);
    if (state === undefined)
      throw failure('NOT_FOUND', 'fetch', shown, `it has no directory ${subdirectory}`);
    if (!state.isDirectory()) {
      throw failure('CONTENT_INVALID', 'fetch', shown, `${subdirectory} leads through what is no directory`);
    }
  }
}
