/** OCI image-spec, annotations.md: the image that this one stands on. */
export const baseName = 'org.opencontainers.image.base.name';
export const baseDigest = 'org.opencontainers.image.base.digest';

/** The base that annotations name, by its digest; its name alone does not say which it was. `name` stands in for one that is not annotated. */
export function annotatedBase(
  annotations: Readonly<Record<string, string>> | undefined,
  name?: string,
): string | undefined {
  const written = annotations?.[baseName] ?? name;
  const digest = annotations?.[baseDigest];
  return written === undefined || digest === undefined ? undefined : `${withoutTag(written)}@${digest}`;
}

function withoutTag(name: string): string {
  const untagged = name.split('@')[0] ?? name;
  const colon = untagged.indexOf(':', untagged.lastIndexOf('/') + 1);
  return colon === -1 ? untagged : untagged.slice(0, colon);
}
