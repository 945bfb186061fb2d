import { failure } from '../../lib/errors.ts';
import type { ContainerConfig, Healthcheck, History, ImageConfig } from '../../oci/manifest.ts';
import type { BaseImage } from './plan-request.ts';

/** A config that instructions change. */
export type MutableConfig = { -readonly [Field in keyof ContainerConfig]: ContainerConfig[Field] };

const isString = (value: unknown): value is string => typeof value === 'string';
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);
const isStringMap = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every(isString);
const isSet = (value: unknown): value is Record<string, object> =>
  isObject(value) && Object.values(value).every(isObject);
const isHealthcheck = (value: unknown): value is Healthcheck =>
  isObject(value) &&
  (value.Test === undefined || value.Test === null || isStrings(value.Test)) &&
  ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'].every(
    (field) => value[field] === undefined || typeof value[field] === 'number',
  );

/** The fields that are carried on; others, which old Docker versions wrote, are dropped as BuildKit drops them. */
const fields: Readonly<Record<keyof ContainerConfig, (value: unknown) => boolean>> = {
  User: isString,
  ExposedPorts: isSet,
  Env: isStrings,
  Entrypoint: isStrings,
  Cmd: isStrings,
  Volumes: isSet,
  WorkingDir: isString,
  Labels: isStringMap,
  StopSignal: isString,
  Shell: isStrings,
  Healthcheck: isHealthcheck,
  OnBuild: isStrings,
  ArgsEscaped: isBoolean,
};

/** What a base image's config says of its containers. An image is anyone's: CONTENT_INVALID when a field has the wrong shape. */
export function readBaseConfig(base: BaseImage): MutableConfig {
  const config: unknown = base.config.config ?? {};
  const invalid = (what: string) => failure('CONTENT_INVALID', 'read config of', base.reference, what);
  if (!isObject(config)) throw invalid('its config is no object');
  const read: Record<string, unknown> = {};
  for (const [field, holds] of Object.entries(fields)) {
    const value = config[field];
    // Go writes null for what is empty.
    if (value === undefined || value === null) continue;
    if (!holds(value)) throw invalid(`its config's ${field} has the wrong shape`);
    read[field] = structuredClone(value);
  }
  return read as MutableConfig;
}

export function readBaseHistory(config: ImageConfig): readonly History[] {
  return Array.isArray(config.history) ? config.history : [];
}

/** Without what is empty, as Go's `omitempty` leaves it out. */
export function withoutEmptyFields(config: MutableConfig): ContainerConfig {
  const isEmpty = (value: unknown) =>
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(config).filter(([, value]) => !isEmpty(value)));
}
