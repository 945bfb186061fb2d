import type { BaseImage, NamedContext, NamedContexts, ResolveBase } from '../../frontend/plan-request.ts';
import type { FoundBase } from './found-base.ts';

type Remember = (base: FoundBase, reference: string) => void;

/** Finds base images and tells where their blobs can be read from. */
export function rememberedBase(resolve: ResolveBase, remember: Remember): ResolveBase {
  return async (reference, platform, options) => {
    const base = await resolve(reference, platform, options);
    if (isFound(base)) remember(base, reference);
    return base;
  };
}

/** The same for images that `--build-context` takes from a place of their own. */
export function rememberedContexts(contexts: NamedContexts = new Map(), remember: Remember): NamedContexts {
  const one = (context: NamedContext): NamedContext =>
    context.kind === 'image' && context.resolve
      ? { ...context, resolve: rememberedBase(context.resolve, remember) }
      : context;
  return new Map([...contexts].map(([name, context]) => [name, one(context)]));
}

/** The frontend knows nothing of stores; whoever finds images here does. */
function isFound(base: BaseImage): base is FoundBase {
  return 'store' in base;
}
