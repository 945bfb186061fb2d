import { type Platform, platformsEqual } from '../../oci/platform.ts';
import { writesIndex } from './builder-arguments.ts';
import { planImages } from './plan-images.ts';
import type { BuildPlan, PlanOptions, PlanRequest } from './plan-request.ts';

export interface PlanWantedOptions extends PlanOptions {
  /** The platform cannot be planned: returns where it is left out, throws where it is needed. */
  readonly leaveOut: (platform: Platform, error: unknown) => void;
}

/**
 * As `planImages`, without the platforms that are optional and have no plan. Each of these is planned by itself first, so that what is wrong with
 * it is known to be wrong with it alone. The result is an index where one would be made of all.
 */
export async function planWanted(
  request: PlanRequest,
  optional: readonly Platform[],
  options: PlanWantedOptions,
): Promise<BuildPlan> {
  const index = writesIndex(request.buildArgs, request.platforms.length);
  const errors = new Map<Platform, unknown>();
  await Promise.all(
    request.platforms.map(async (platform) => {
      if (!optional.some((one) => platformsEqual(one, platform))) return;
      try {
        await planImages({ ...request, platforms: [platform] }, options);
      } catch (error) {
        errors.set(platform, error);
      }
    }),
  );
  for (const [platform, error] of errors) options.leaveOut(platform, error);
  const platforms = request.platforms.filter((platform) => !errors.has(platform));
  const [first] = errors.values();
  if (platforms.length === 0 && errors.size > 0) throw first;
  return { ...(await planImages({ ...request, platforms }, options)), index };
}
