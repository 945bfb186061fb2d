import { ignoreOf } from '../build/engines/engine.ts';
import { type CheckResult, checkDockerfile } from '../build/frontend/check-dockerfile.ts';
import {
  listTargets,
  type Outline,
  outlineTarget,
  type Target,
} from '../build/frontend/describe-dockerfile.ts';
import type { PlanOptions, PlanRequest } from '../build/frontend/plan-request.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { isFailure } from '../lib/errors.ts';
import { hostPlatform } from '../oci/platform.ts';
import { type BuildImageOptions, readRequest } from './build.ts';
import { BaseFinder, findLocated } from './find-base.ts';
import { openSources, type Sources } from './open-sources.ts';
import { createRegistryClient, openLocalStore } from './stores.ts';

export type { CheckResult, Outline, Target };

/** What `polyarch build --check` tells: nothing is built, of base images only metadata is read. */
export async function checkBuild(options: BuildImageOptions): Promise<CheckResult> {
  return await withPlan(options, checkDockerfile);
}

/** What `--call outline` tells. */
export async function outlineBuild(options: BuildImageOptions): Promise<Outline & { readonly text: string }> {
  return await withPlan(options, async (request, io) => ({
    ...(await outlineTarget(request, io)),
    text: request.dockerfile,
  }));
}

/** What `--call targets` tells. */
export async function targetsOfBuild(
  options: BuildImageOptions,
): Promise<{ readonly targets: readonly Target[]; readonly text: string }> {
  const sources = openSources({ dataDirectory: dataDirectory(options.env), env: options.env ?? process.env });
  try {
    const request = await planRequest(options, sources);
    return { targets: listTargets(request), text: request.dockerfile };
  } finally {
    sources.close();
  }
}

async function planRequest(options: BuildImageOptions, sources: Sources): Promise<PlanRequest> {
  const env = options.env ?? process.env;
  const request = await readRequest(options, { env, sources, findImage: findLocated });
  return { ...request, ...ignoreOf(request.context), buildPlatform: hostPlatform() };
}

async function withPlan<T>(
  options: BuildImageOptions,
  plan: (request: PlanRequest, io: PlanOptions) => Promise<T>,
): Promise<T> {
  const env = options.env ?? process.env;
  const sources = openSources({ dataDirectory: dataDirectory(env), env });
  const client = await createRegistryClient({ ...options, env });
  try {
    const request = await planRequest(options, sources);
    // Checking leaves no store behind.
    const local = await openLocalStore({ env }).catch((error: unknown) => {
      if (isFailure(error, 'NOT_FOUND')) return new MemoryStore();
      throw error;
    });
    const bases = new BaseFinder({ local, client });
    return await plan(request, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      resolveBase: (reference, platform, io) => bases.find(reference, platform, io),
    });
  } finally {
    sources.close();
    client.close();
  }
}
