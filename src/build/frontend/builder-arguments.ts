import { failure } from '../../lib/errors.ts';
import { parseGoBoolean } from '../../lib/go-boolean.ts';

/** What build arguments ask of the builder itself (BuildKit dockerui/config.go). */
export interface BuilderArguments {
  /** BUILDKIT_DOCKERFILE_CHECK: in place of the `check` directive. */
  readonly check?: string;
  /** BUILDKIT_INLINE_CACHE: the image carries its cache, as with `--cache-to type=inline`. */
  readonly inlineCache: boolean;
  /** BUILDKIT_MULTI_PLATFORM: an index also where one platform is built. */
  readonly multiPlatform?: boolean;
  /** BUILDKIT_SYNTAX: in place of the `syntax` directive. */
  readonly syntax?: string;
}

/**
 * Arguments that steer what is not built here, and why they are refused. BUILDKIT_SBOM_SCAN_* say what an SBOM is made of: none is, so that they change nothing, as they
 * don't with BuildKit unless one is asked for.
 */
const refused: Readonly<Record<string, string>> = {
  BUILDKIT_SANDBOX_HOSTNAME: 'RUN steps have the host name of the sandbox',
};

/**
 * Reads them out of the build arguments. UNSUPPORTED for one that has no meaning here and is not switched off, USAGE for a value that it can't have.
 */
export function readBuilderArguments(
  buildArgs: Readonly<Record<string, string>>,
  options: { readonly platforms: number },
): BuilderArguments {
  for (const [name, value] of Object.entries(buildArgs)) {
    const reason = Object.hasOwn(refused, name) ? refused[name] : undefined;
    if (reason !== undefined && !isOff(value)) {
      const argument = `${name}=${value}`;
      throw failure('UNSUPPORTED', 'use --build-arg', argument, `${reason}; it is not supported yet`, {
        hint: 'leave it out',
      });
    }
  }
  const check = given('BUILDKIT_DOCKERFILE_CHECK');
  const syntax = given('BUILDKIT_SYNTAX');
  const multi = given('BUILDKIT_MULTI_PLATFORM');
  const multiPlatform = multi === undefined ? undefined : parseGoBoolean(multi);
  if (multi !== undefined && multiPlatform === undefined) {
    throw failure(
      'USAGE',
      'use --build-arg',
      `BUILDKIT_MULTI_PLATFORM=${multi}`,
      `invalid boolean value: ${multi}`,
    );
  }
  if (multiPlatform === false && options.platforms > 1) {
    const what = 'conflicting config: returning multiple target platforms is not allowed';
    throw failure('USAGE', 'use --build-arg', `BUILDKIT_MULTI_PLATFORM=${multi}`, what, {
      hint: 'name one --platform',
    });
  }
  return {
    inlineCache: parseGoBoolean(given('BUILDKIT_INLINE_CACHE') ?? '') ?? false,
    ...(check === undefined ? {} : { check }),
    ...(syntax === undefined ? {} : { syntax }),
    ...(multiPlatform === undefined ? {} : { multiPlatform }),
  };

  function given(name: string): string | undefined {
    return Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
  }
}

/** Whether the result is an index: where several platforms are asked for, or BUILDKIT_MULTI_PLATFORM asks for one. */
export function writesIndex(buildArgs: Readonly<Record<string, string>>, platforms: number): boolean {
  return readBuilderArguments(buildArgs, { platforms }).multiPlatform ?? platforms > 1;
}

function isOff(value: string): boolean {
  return value === '' || parseGoBoolean(value) === false;
}
