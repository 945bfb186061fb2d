import { isDeepStrictEqual } from 'node:util';
import type { ImageConfig } from '../../oci/manifest.ts';

/** One value of the config that differs. Absent on the side that has none. */
export interface ConfigChange {
  /** `User`, `Env PATH`, `Labels maintainer`. */
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Fields of a container's config whose members are compared by name. */
const maps = ['Labels', 'ExposedPorts', 'Volumes'] as const;
const values = [
  'User',
  'WorkingDir',
  'Entrypoint',
  'Cmd',
  'Shell',
  'StopSignal',
  'Healthcheck',
  'OnBuild',
  'ArgsEscaped',
] as const;

/** What a container would start with differently. Times, history and layers are not compared here. */
export function diffConfig(before: ImageConfig, after: ImageConfig): ConfigChange[] {
  const [a, b] = [before.config ?? {}, after.config ?? {}];
  const platform = (config: ImageConfig) =>
    Object.fromEntries(
      (['os', 'architecture', 'variant', 'os.version', 'os.features'] as const)
        .filter((name) => config[name] !== undefined)
        .map((name) => [name, config[name]]),
    );
  return [
    ...diffMaps('', platform(before), platform(after)),
    ...diffMaps('', pick(a), pick(b)),
    ...diffMaps('Env ', environment(a.Env), environment(b.Env)),
    ...maps.flatMap((name) => diffMaps(`${name} `, a[name] ?? {}, b[name] ?? {})),
  ];
}

function pick(config: NonNullable<ImageConfig['config']>): Record<string, unknown> {
  return Object.fromEntries(
    values
      .map((name) => [name, config[name]] as const)
      // null, '' and [] say the same as nothing.
      .filter(([, value]) => value !== undefined && value !== null && String(value) !== ''),
  );
}

function environment(list: readonly string[] | null | undefined): Record<string, string> {
  return Object.fromEntries(
    (Array.isArray(list) ? list : []).map((entry) => {
      const text = String(entry);
      const equals = text.indexOf('=');
      return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

function diffMaps(
  prefix: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): ConfigChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !isDeepStrictEqual(memberOf(before, name), memberOf(after, name)))
    .map((name) => ({
      field: `${prefix}${name}`,
      ...(Object.hasOwn(before, name) ? { before: before[name] } : {}),
      ...(Object.hasOwn(after, name) ? { after: after[name] } : {}),
    }));
}

/** Own properties only: a label may be called `constructor`. */
function memberOf(map: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(map, name) ? [map[name]] : undefined;
}
