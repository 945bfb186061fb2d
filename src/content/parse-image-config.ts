import { failure } from '../lib/errors.ts';
import type { ImageConfig } from '../oci/manifest.ts';
import { isObject, parseObject } from './document.ts';

type Check = readonly [what: string, holds: (value: unknown) => boolean];

const isText = (value: unknown): boolean => typeof value === 'string';
const text: Check = ['no text', isText];
const texts: Check = ['no list of texts', (value) => Array.isArray(value) && value.every(isText)];
const textMap: Check = [
  'no mapping of texts',
  (value) => isObject(value) && Object.values(value).every(isText),
];
const mapping: Check = ['no mapping', isObject];
const objects: Check = ['no list of objects', (value) => Array.isArray(value) && value.every(isObject)];

/** OCI image-spec, config.md: what is read here. Go writes null for what is empty. */
const imageFields: Readonly<Record<string, Check>> = {
  variant: text,
  'os.version': text,
  'os.features': texts,
  created: text,
  author: text,
  config: mapping,
  history: objects,
};

const containerFields: Readonly<Record<string, Check>> = {
  User: text,
  ExposedPorts: mapping,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: mapping,
  WorkingDir: text,
  Labels: textMap,
  StopSignal: text,
  OnBuild: texts,
  Shell: texts,
};

const platformFields = ['variant', 'os.version', 'os.features'];

/** CONTENT_INVALID when the bytes are no image's config (an artifact's, for one), or have a field that Docker would not read either. */
export function parseImageConfig(bytes: Uint8Array, thing: string): ImageConfig {
  const value = parseObject(bytes, thing);
  const refuse = (what: string) => failure('CONTENT_INVALID', 'read image config', thing, what);
  const { rootfs, config } = value;
  // As the layers of a manifest: Go's empty list.
  if (isObject(rootfs) && rootfs.diff_ids === null) rootfs.diff_ids = [];
  for (const field of platformFields) if (value[field] === null) delete value[field];
  const sound =
    isText(value.os) && isText(value.architecture) && isObject(rootfs) && texts[1](rootfs.diff_ids);
  if (!sound) throw refuse('no os, architecture and rootfs: not an image');
  const wrong = wrongField(value, imageFields) ?? (isObject(config) && wrongField(config, containerFields));
  if (wrong) throw refuse(wrong);
  return value as unknown as ImageConfig;
}

function wrongField(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Check>>,
): string | undefined {
  for (const [name, [what, holds]] of Object.entries(fields)) {
    const field = value[name];
    if (field !== undefined && field !== null && !holds(field)) return `"${name}" is ${what}`;
  }
  return undefined;
}
