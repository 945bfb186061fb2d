import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isDescriptor, parseObject } from '../document.ts';

/** OCI image-spec, annotations.md. */
export const refName = 'org.opencontainers.image.ref.name';
/** The name in full, as containerd, Docker and buildx write it beside a `ref.name` that is a tag only. */
export const containerdName = 'io.containerd.image.name';

/** index.json of a layout (image-layout.md): its entries, and the fields that others wrote beside them. */
export interface LayoutIndex {
  readonly rest: Record<string, unknown>;
  readonly manifests: readonly Descriptor[];
}

/** CONTENT_INVALID when an entry is no descriptor. */
export function parseLayoutIndex(bytes: Uint8Array, path: string): LayoutIndex {
  const { manifests = [], ...rest } = parseObject(bytes, path);
  if (!Array.isArray(manifests) || !manifests.every(isDescriptor)) {
    throw failure('CONTENT_INVALID', 'read', path, 'its manifests are not all descriptors');
  }
  return { rest, manifests };
}

export function nameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[refName];
}

/** The entry whose `ref.name` is `name`, else the one that containerd's annotation calls so. */
export function findNamed(entries: readonly Descriptor[], name: string): Descriptor | undefined {
  return (
    entries.find((entry) => nameOf(entry) === name) ??
    entries.find((entry) => entry.annotations?.[containerdName] === name)
  );
}

/** What an entry points at, without the names that it has there. */
export function withoutName(entry: Descriptor): Descriptor {
  const { annotations, ...descriptor } = entry;
  const { [refName]: _name, [containerdName]: _long, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? descriptor : { ...descriptor, annotations: others };
}
