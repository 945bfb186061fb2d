/**
 * The one table of error codes: what each means and the exit code that the command line gives it.
 * 1 the work failed, 2 wrong usage, 3 not authorised, 4 not found, 5 network or registry, 125 `run` itself failed, 130 interrupted.
 */
export const errorCodes = {
  USAGE: { exit: 2, meaning: 'the command line, an option or a reference is not valid' },
  UNSUPPORTED: { exit: 2, meaning: 'valid in the field, not supported here' },
  DOCKERFILE: { exit: 1, meaning: 'the Dockerfile is not valid' },
  STEP_FAILED: { exit: 1, meaning: 'a build step failed' },
  UNAUTHORIZED: { exit: 3, meaning: 'the registry refused the credentials, or needs some' },
  NOT_FOUND: { exit: 4, meaning: 'a reference, blob, file or platform does not exist' },
  PLATFORM_MISSING: { exit: 4, meaning: 'the image has no entry for the platform that was asked for' },
  CONFLICT: { exit: 1, meaning: 'somebody else changed what was to be changed' },
  NETWORK: { exit: 5, meaning: 'a connection failed after retries' },
  REGISTRY: { exit: 5, meaning: 'the registry answered with an error after retries' },
  CONTENT_INVALID: { exit: 1, meaning: 'content does not match its digest, size or media type' },
  LIMIT: { exit: 1, meaning: 'input is larger than a named limit' },
  ARCHIVE: { exit: 1, meaning: 'a tar, gzip or zstd stream is malformed or hostile' },
  STORE: { exit: 1, meaning: 'the local store cannot be read or written' },
  SANDBOX: { exit: 1, meaning: 'this machine cannot run the step' },
  EMULATOR: { exit: 1, meaning: 'no emulator for the platform' },
  KEEPER: { exit: 1, meaning: 'the keeper process ended or refused a request' },
  INTERRUPTED: { exit: 130, meaning: 'interrupted by a signal' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface FailureOptions {
  /** The next command to type, or the next thing to look at. */
  hint?: string | undefined;
  cause?: unknown;
  /** A second try may succeed. Default false. */
  retryable?: boolean;
  /** Lines of the Dockerfile (or other source) that the problem is in, already laid out for a terminal. */
  excerpt?: string | undefined;
  /** Last lines of the failed program's output. */
  output?: string | undefined;
}

/** The only error shape that leaves a room. `message` reads `Cannot <action> "<thing>": <what happened>`. */
export class PolyarchError extends Error {
  override readonly name = 'PolyarchError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly excerpt: string | undefined;
  readonly output: string | undefined;

  constructor(code: ErrorCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.excerpt = options.excerpt;
    this.output = options.output;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }
}

/** `failure('NOT_FOUND', 'resolve', 'localhost:5000/a:1', 'no such tag')` → `Cannot resolve "localhost:5000/a:1": no such tag`. */
export function failure(
  code: ErrorCode,
  action: string,
  thing: string,
  what: string,
  options: FailureOptions = {},
): PolyarchError {
  const hint = options.hint ?? diskHint(options.cause);
  return new PolyarchError(code, `Cannot ${action} "${thing}": ${what}`, { ...options, hint });
}

/** By errno. */
export const diskHints: Readonly<Record<string, string>> = {
  ENOSPC:
    'df -h says which disk is full; polyarch cache prune and polyarch images prune make room in the data directory',
  EDQUOT:
    'quota -s says how much is left; polyarch cache prune and polyarch images prune make room in the data directory',
  EROFS: 'the file system is mounted read-only; POLYARCH_HOME names another data directory',
};

/** What mends a disk that takes nothing more, whatever was to be written; undefined for every other reason. */
export function diskHint(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const code = 'code' in cause ? String(cause.code) : '';
  return Object.hasOwn(diskHints, code) ? diskHints[code] : diskHint(cause.cause);
}

export function isFailure(error: unknown, ...codes: ErrorCode[]): error is PolyarchError {
  return error instanceof PolyarchError && (codes.length === 0 || codes.includes(error.code));
}

/** What an unknown thrown value says, on one line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The reason that an aborted operation fails with: the signal's own when that is ours, else INTERRUPTED. */
export function abortReason(signal: AbortSignal): PolyarchError {
  if (signal.reason instanceof PolyarchError) return signal.reason;
  return new PolyarchError('INTERRUPTED', 'Interrupted', { cause: signal.reason });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}
