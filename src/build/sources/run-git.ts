import { spawn } from 'node:child_process';
import { abortReason, failure, type PolyarchError } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { redactText } from '../../lib/redact.ts';
import type { GitCredentials } from './git-remote.ts';

export interface RunGitOptions {
  readonly env: NodeJS.ProcessEnv;
  /** As messages name the repository. */
  readonly shown: string;
  /** For requests to one origin: in the environment, which other users cannot read, never among the arguments. */
  readonly credentials?: GitCredentials | undefined;
  readonly gitDirectory?: string;
  readonly workTree?: string;
  /** Takes what it prints, piece by piece, of any length. Default: it is gathered and returned. */
  readonly onOutput?: (chunk: Buffer) => void;
  readonly signal: AbortSignal;
}

/** Seconds without a byte after which a server has stopped sending. */
const maxGitStallSeconds = 120;
/** Of one file that git writes: a pack. */
const maxGitPackBytes = 32 * 1024 ** 3;

const maxOutputBytes = 16 * 1024 * 1024;
const passedOn = ['PATH', 'SSH_AUTH_SOCK', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/**
 * Nothing of the user's or the system's configuration is read, no hook runs, no helper is asked, and nothing but the network's protocols is
 * spoken: a submodule that names a path of this machine, or `ext::`, is refused.
 */
const settings: readonly (readonly [string, string])[] = [
  ['protocol.allow', 'never'],
  ...['https', 'http', 'ssh', 'git'].map((name) => [`protocol.${name}.allow`, 'always'] as const),
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['credential.helper', ''],
  ['init.defaultBranch', 'master'],
  ['init.templateDir', ''],
  ['advice.detachedHead', 'false'],
  ['http.lowSpeedLimit', '1'],
  ['http.lowSpeedTime', String(maxGitStallSeconds)],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
];

/**
 * Not `http.extraHeader`: git chooses that by the address that it is given, and sends it on to wherever a server redirects. A helper is asked
 * by the origin that wants to know.
 */
const credentialHelper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$POLYARCH_GIT_USERNAME" "$POLYARCH_GIT_PASSWORD"; }; f';

/** Runs the system's git and gives what it prints. UNSUPPORTED when there is none. */
export async function runGit(args: readonly string[], options: RunGitOptions): Promise<string> {
  const { env, shown, gitDirectory, workTree, signal } = options;
  const program = findProgram('git', env);
  if (program === undefined) {
    throw failure('UNSUPPORTED', 'fetch', shown, 'a git repository needs the program git', {
      hint: 'apt install git',
    });
  }
  if (signal.aborted) throw abortReason(signal);
  const place = [
    ...(gitDirectory === undefined ? [] : [`--git-dir=${gitDirectory}`]),
    ...(workTree === undefined ? [] : [`--work-tree=${workTree}`]),
  ];
  // What it checks out has the modes that it would have for anyone.
  const limits = `umask 022; ulimit -f ${maxGitPackBytes / 512} 2>/dev/null || :`;
  const words = ['-c', `${limits}; exec "$@"`, 'sh', program, ...place, ...args];
  const child = spawn('/bin/sh', words, {
    env: environment(options),
    cwd: workTree ?? '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  signal.addEventListener('abort', stop);
  let problem = '';
  child.stderr.on('data', (chunk: Buffer) => {
    problem = (problem + chunk.toString('utf8')).slice(-8192);
  });
  const output: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    if (options.onOutput !== undefined) {
      options.onOutput(chunk);
      return;
    }
    length += chunk.length;
    if (length > maxOutputBytes) stop();
    else output.push(chunk);
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve);
    child.on('error', () => resolve(-1));
  });
  signal.removeEventListener('abort', stop);
  if (signal.aborted) throw abortReason(signal);
  if (length > maxOutputBytes)
    throw failure('LIMIT', 'fetch', shown, `git prints more than ${maxOutputBytes} bytes`);
  if (code !== 0) throw gitFailure(shown, problem, code);
  return Buffer.concat(output).toString('utf8');
}

function environment({ env, credentials }: RunGitOptions): NodeJS.ProcessEnv {
  const all = [
    ...settings,
    ...(credentials === undefined
      ? []
      : [[`credential.${credentials.origin}.helper`, credentialHelper] as const]),
  ];
  const clean: NodeJS.ProcessEnv = {
    HOME: '/dev/null',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_SSH_COMMAND: 'ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes',
    GIT_CONFIG_COUNT: String(all.length),
  };
  if (credentials !== undefined) {
    clean.POLYARCH_GIT_USERNAME = credentials.username;
    clean.POLYARCH_GIT_PASSWORD = credentials.password;
  }
  for (const [index, [key, value]] of all.entries()) {
    clean[`GIT_CONFIG_KEY_${index}`] = key;
    clean[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  for (const name of passedOn.flatMap((upper) => [upper, upper.toLowerCase()])) {
    if (env[name] !== undefined && (name !== 'path' || env.PATH === undefined)) clean[name] = env[name];
  }
  return clean;
}

function gitFailure(shown: string, output: string, code: number | null): PolyarchError {
  const lines = output.split('\n').filter((line) => /^(?:fatal|error|remote|ERROR):?/.test(line));
  const what = redactText(lines.join('; ') || output || `git ended with ${code}`);
  // SIGXFSZ
  if (/died of signal 25|File too large|size limit exceeded/i.test(output)) {
    return failure('LIMIT', 'fetch', shown, `a file of more than ${maxGitPackBytes} bytes (maxGitPackBytes)`);
  }
  if (/Authentication failed|could not read Username|Permission denied|HTTP 40[13]/i.test(output)) {
    return failure('UNAUTHORIZED', 'fetch', shown, what);
  }
  if (/not found|does not exist|couldn't find remote ref|not exported/i.test(output)) {
    return failure('NOT_FOUND', 'fetch', shown, what);
  }
  return failure('NETWORK', 'fetch', shown, what);
}
