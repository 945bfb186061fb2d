import { isFailure, type PolyarchError } from '../../lib/errors.ts';
import type { Warning } from '../dockerfile/lint/lint.ts';
import { sourceOf } from '../dockerfile/source.ts';
import { planDockerfile } from './plan-dockerfile.ts';
import type { PlanOptions, PlanRequest } from './plan-request.ts';
import { readDockerfile } from './read-dockerfile.ts';

export interface CheckResult {
  readonly filename: string;
  readonly text: string;
  /** By line, each once, whatever the number of platforms. */
  readonly warnings: readonly Warning[];
  /** Why it would not build. */
  readonly error?: PolyarchError;
  /** The `check` directive has `error=true`, and there are warnings. */
  readonly violations?: string;
}

/** All that a build would warn of, and whether it would fail before its first step. Without a target every stage is looked at. */
export async function checkDockerfile(request: PlanRequest, options: PlanOptions): Promise<CheckResult> {
  const { text, filename } = { text: request.dockerfile, filename: request.filename };
  let read: ReturnType<typeof readDockerfile>;
  try {
    read = readDockerfile(request);
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { filename, text, warnings: [], error };
  }
  const { dockerfile, lint } = read;
  let failed: PolyarchError | undefined;
  for (const platform of request.platforms) {
    try {
      await planDockerfile(
        dockerfile,
        { ...request, platforms: [platform] },
        { ...options, lint, portability: true, allStages: request.target === undefined },
      );
    } catch (error) {
      if (!isFailure(error) || error.code === 'INTERRUPTED') throw error;
      // A base that lacks the platform is a warning here: the other platforms may be fine.
      if (error.code === 'PLATFORM_MISSING') continue;
      failed = error;
      break;
    }
  }
  const { warnings, violations } = lint;
  return {
    filename,
    text: sourceOf(text, filename).lines.join('\n'),
    warnings,
    ...(failed && { error: failed }),
    ...(violations === undefined ? {} : { violations }),
  };
}
