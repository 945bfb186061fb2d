import { failure, PolyarchError, reasonOf } from '../../lib/errors.ts';

const hints: Readonly<Record<string, string>> = {
  EACCES: 'check who owns the directory',
  EPERM: 'check who owns the directory',
};

/** What a file system call threw, in the project's shape: STORE, or NOT_FOUND for a missing file. Errors of ours pass through. */
export function storeFailure(action: string, thing: string, error: unknown): PolyarchError {
  if (error instanceof PolyarchError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return failure('NOT_FOUND', action, thing, 'no such content', { cause: error });
  return failure('STORE', action, thing, reasonOf(error), { cause: error, hint: hints[code] });
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
