import { failure, throwIfAborted } from '../../lib/errors.ts';
import { writesIndex } from './builder-arguments.ts';
import { planDockerfile } from './plan-dockerfile.ts';
import type { BuildPlan, PlanOptions, PlanRequest } from './plan-request.ts';
import { readDockerfile } from './read-dockerfile.ts';

/**
 * A Dockerfile and its options → one graph for all platforms and one plan for each image. Nothing is run, and only what the target needs
 * is looked at. Failures: DOCKERFILE, UNSUPPORTED, LIMIT, NOT_FOUND (target), CONTENT_INVALID (a base's config), and resolveBase's own.
 */
export async function planImages(request: PlanRequest, options: PlanOptions): Promise<BuildPlan> {
  throwIfAborted(options.signal);
  const { dockerfile, lint } = readDockerfile(request);
  const plan = await planDockerfile(dockerfile, request, { ...options, lint });
  if (lint.violations !== undefined) {
    throw failure('DOCKERFILE', 'build', request.filename, lint.violations, {
      hint: 'polyarch build --check shows them; error=true in the check directive asks for this',
    });
  }
  const index = writesIndex(request.buildArgs, request.platforms.length);
  return { ...plan, warnings: lint.warnings, index };
}
