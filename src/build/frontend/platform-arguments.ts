import { formatPlatform, normalizePlatform, type Platform } from '../../oci/platform.ts';

/** The automatic arguments (BuildKit dockerfile2llb/platform.go). A `--build-arg` of the same name wins, also over the platform that is built for. */
export function platformArguments(
  buildPlatform: Platform,
  targetPlatform: Platform,
  targetStage: string,
  buildArgs: Readonly<Record<string, string>>,
): Map<string, string> {
  const build = normalizePlatform(buildPlatform);
  const target = normalizePlatform(targetPlatform);
  const values: Record<string, string> = {
    BUILDPLATFORM: formatPlatform(build),
    BUILDOS: build.os,
    BUILDOSVERSION: build['os.version'] ?? '',
    BUILDARCH: build.architecture,
    BUILDVARIANT: build.variant ?? '',
    TARGETPLATFORM: formatPlatform(target),
    TARGETOS: target.os,
    TARGETOSVERSION: target['os.version'] ?? '',
    TARGETARCH: target.architecture,
    TARGETVARIANT: target.variant ?? '',
    TARGETSTAGE: targetStage || 'default',
  };
  return new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      Object.hasOwn(buildArgs, name) ? (buildArgs[name] ?? '') : value,
    ]),
  );
}

/** Arguments that steer the builder of BuildKit: no step sees them. */
export const nonEnvironment: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/** The predefined proxy arguments that were given, as `NAME=value` in both spellings: they need no ARG. */
export function proxyEnvironment(buildArgs: Readonly<Record<string, string>>): string[] {
  const given = Object.entries(buildArgs).sort(([a], [b]) => (a < b ? -1 : 1));
  return proxyNames.flatMap((name) => {
    const value = given.findLast(([key]) => key.toUpperCase() === name)?.[1];
    return value === undefined ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  });
}
