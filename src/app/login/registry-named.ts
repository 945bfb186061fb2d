import { failure } from '../../lib/errors.ts';
import { defaultRegistry, isRegistry } from '../../oci/reference.ts';

/** `ghcr.io`, `https://ghcr.io/v2/`, Docker Hub's several names, or nothing, which is Docker Hub. USAGE for a repository. */
export function registryNamed(text: string | undefined): string {
  if (text === undefined) return defaultRegistry;
  const host = text.replace(/^(?:https?|docker):\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');
  if (['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'].includes(host)) {
    return defaultRegistry;
  }
  if (isRegistry(host)) return host;
  const [first = ''] = host.split('/');
  throw failure('USAGE', 'log in to', text, 'not a registry host', {
    hint:
      isRegistry(first) && host !== first
        ? `polyarch login ${first}`
        : 'ghcr.io and localhost:5000 are registry hosts',
  });
}
