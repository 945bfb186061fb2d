import { isFailure, PolyarchError, throwIfAborted } from '../../lib/errors.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import { excerptOf, type Source } from '../dockerfile/source.ts';
import type { BaseImage, ResolveBase } from './plan-request.ts';
import type { ImageSource } from './stage-layout.ts';

/** The base images of all platforms, each found once. */
export class BaseImages {
  readonly #found = new Map<string, BaseImage>();
  readonly #options: {
    readonly lint: Lint;
    readonly source: Source;
    readonly resolveBase: ResolveBase;
    readonly signal?: AbortSignal;
  };

  constructor(options: {
    readonly source: Source;
    readonly resolveBase: ResolveBase;
    readonly lint: Lint;
    readonly signal?: AbortSignal;
  }) {
    this.#options = options;
  }

  /** Finds those that were not found yet, side by side; the first failure stops the others and is thrown, with the line that names the image. */
  async resolve(wanted: readonly ImageSource[]): Promise<void> {
    const { source, resolveBase, signal } = this.#options;
    throwIfAborted(signal);
    const stop = new AbortController();
    const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const unique = new Map(wanted.map((image) => [keyOf(image), image]));
    let failed: { readonly error: unknown } | undefined;
    const resolveOne = async ([key, image]: readonly [string, ImageSource]) => {
      try {
        const resolve = image.resolve ?? resolveBase;
        this.#found.set(key, await resolve(image.reference, image.platform, { signal: stopped }));
      } catch (error) {
        if (isFailure(error, 'PLATFORM_MISSING')) this.#lintMissing(image, error);
        failed ??= { error: located(error, source, image) };
        stop.abort(failed.error);
      }
    };
    await Promise.all([...unique].filter(([key]) => !this.#found.has(key)).map(resolveOne));
    throwIfAborted(signal);
    if (failed !== undefined) throw failed.error;
  }

  #lintMissing({ reference, platform, instruction }: ImageSource, { hint }: PolyarchError): void {
    const available = /^it has (.*\/.*)$/.exec(hint ?? '')?.[1] ?? '';
    const { lint } = this.#options;
    lint.report(rules.BasePlatformMissing, instruction.range, reference, formatPlatform(platform), available);
  }

  get(image: ImageSource): BaseImage {
    const base = this.#found.get(keyOf(image));
    if (base === undefined) throw new Error(`base image ${image.reference} was not asked for`);
    return base;
  }
}

function keyOf({ reference, platform, resolve }: ImageSource): string {
  return JSON.stringify([
    reference,
    resolve !== undefined,
    formatPlatform(platform),
    platform['os.version'] ?? '',
  ]);
}

function located(error: unknown, source: Source, image: ImageSource): unknown {
  if (!(error instanceof PolyarchError) || error.excerpt !== undefined || error.code === 'INTERRUPTED')
    return error;
  const { code, message, hint, cause, retryable, output } = error;
  const excerpt = excerptOf(source, image.instruction.range);
  return new PolyarchError(code, message, { hint, cause, retryable, output, excerpt });
}
