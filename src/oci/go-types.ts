/**
 * A Go struct as encoding/json writes it: fields in this order, empty ones left out unless they are `always`. What the struct does not know stays, at the
 * end.
 */
export interface GoStruct {
  readonly fields: Readonly<Record<string, GoStruct | 'value' | 'map'>>;
  readonly always?: readonly string[];
}

const values = (...names: string[]): Record<string, 'value'> =>
  Object.fromEntries(names.map((name) => [name, 'value'] as const));

/** OCI image-spec, specs-go/v1/descriptor.go. */
export const goPlatform: GoStruct = {
  fields: values('architecture', 'os', 'os.version', 'os.features', 'variant'),
  always: ['architecture', 'os'],
};

export const goDescriptor: GoStruct = {
  fields: {
    ...values('mediaType', 'digest', 'size', 'urls'),
    annotations: 'map',
    data: 'value',
    platform: goPlatform,
  },
  always: ['mediaType', 'digest', 'size'],
};

const rootfs: GoStruct = { fields: values('type', 'diff_ids'), always: ['type', 'diff_ids'] };

/** OCI image-spec, specs-go/v1/config.go. */
export const goImage: GoStruct = {
  fields: {
    ...values('created', 'author'),
    ...goPlatform.fields,
    config: {
      fields: {
        User: 'value',
        ExposedPorts: 'map',
        ...values('Env', 'Entrypoint', 'Cmd'),
        Volumes: 'map',
        WorkingDir: 'value',
        Labels: 'map',
        ...values('StopSignal', 'ArgsEscaped'),
      },
    },
    rootfs,
    history: { fields: values('created', 'created_by', 'author', 'comment', 'empty_layer') },
  },
  always: ['architecture', 'os', 'rootfs'],
};

/** go-containerregistry, pkg/v1/manifest.go. */
const craneDescriptor: GoStruct = {
  fields: {
    ...values('mediaType', 'size', 'digest', 'data', 'urls'),
    annotations: 'map',
    platform: goPlatform,
    artifactType: 'value',
  },
  always: ['mediaType', 'size', 'digest'],
};

export const craneManifest: GoStruct = {
  fields: {
    ...values('schemaVersion', 'mediaType'),
    config: craneDescriptor,
    layers: craneDescriptor,
    annotations: 'map',
    subject: craneDescriptor,
  },
  always: ['schemaVersion', 'config', 'layers'],
};

/** go-containerregistry, pkg/v1/config.go. */
export const craneConfig: GoStruct = {
  fields: {
    ...values('architecture', 'author', 'container', 'created', 'docker_version'),
    history: {
      fields: values('author', 'created', 'created_by', 'comment', 'empty_layer'),
    },
    os: 'value',
    rootfs,
    config: {
      fields: {
        ...values('AttachStderr', 'AttachStdin', 'AttachStdout', 'Cmd', 'Healthcheck', 'Domainname'),
        ...values('Entrypoint', 'Env', 'Hostname', 'Image'),
        Labels: 'map',
        ...values('OnBuild', 'OpenStdin', 'StdinOnce', 'Tty', 'User'),
        Volumes: 'map',
        WorkingDir: 'value',
        ExposedPorts: 'map',
        ...values('ArgsEscaped', 'NetworkDisabled', 'MacAddress', 'StopSignal', 'Shell'),
      },
    },
    ...values('os.version', 'variant', 'os.features'),
  },
  always: ['architecture', 'created', 'os', 'rootfs', 'config'],
};

/** `value` in the order of a Go type; of a list each element. */
export function asGo(value: unknown, type: GoStruct | 'value' | 'map'): unknown {
  if (Array.isArray(value)) return value.map((one) => asGo(one, type));
  if (type === 'value' || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  // Go sorts by bytes; keys are ASCII.
  if (type === 'map') return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  const known = Object.keys(type.fields).map(
    (name) => [name, (value as Record<string, unknown>)[name]] as const,
  );
  const others = entries.filter(([name]) => !(name in type.fields));
  return Object.fromEntries([
    ...known
      .filter(([name, field]) => type.always?.includes(name) || !isEmpty(field))
      .map(([name, field]) => [name, asGo(field, type.fields[name] ?? 'value')]),
    ...others,
  ]);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return !value;
}

const escaped = /[<>&\u2028\u2029]/g;

/** JSON as encoding/json writes it. */
export function goJson(value: unknown, indent?: string | number): string {
  return JSON.stringify(value, null, indent).replace(
    escaped,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
