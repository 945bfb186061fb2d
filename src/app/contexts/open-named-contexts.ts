import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ContextFiles } from '../../build/engines/engine.ts';
import type { FoundBase } from '../../build/engines/local/found-base.ts';
import { contextName } from '../../build/frontend/named-contexts.ts';
import type { NamedContext } from '../../build/frontend/plan-request.ts';
import type { IoOptions } from '../../content/store.ts';
import { isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { LayoutLocation, Location } from '../../oci/location.ts';
import type { Platform } from '../../oci/platform.ts';
import { contextReference, readText } from './open-build-context.ts';

export type FindImage = (location: Location, platform: Platform, options: IoOptions) => Promise<FoundBase>;

export interface NamedContextsOpened {
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly namedFiles: ReadonlyMap<string, ContextFiles>;
}

/**
 * `--build-context NAME=VALUE`, as buildx has it: a directory, `docker-image://REFERENCE`, `oci-layout://DIR[:NAME][@DIGEST]`, `target:STAGE`, a git
 * repository, the URL of a file.
 */
export async function openNamedContexts(
  texts: readonly string[],
  io: { readonly findImage: FindImage },
): Promise<NamedContextsOpened> {
  const contexts = new Map<string, NamedContext>();
  const namedFiles = new Map<string, ContextFiles>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const [name, value] = [text.slice(0, Math.max(equals, 0)), text.slice(equals + 1)];
    if (name === '' || value === '') {
      throw failure('USAGE', 'use --build-context', text, 'it is no NAME=VALUE', {
        hint: '--build-context src=./src',
      });
    }
    if (name.includes('::')) {
      // The form is BuildKit's own between its parts; buildx takes none such on the command line.
      throw failure('USAGE', 'use --build-context', name, 'it is no name: contexts are for all platforms', {
        hint: `--build-context ${name.slice(0, name.indexOf('::'))}=${value}`,
      });
    }
    const key = contextName(name);
    const context = namedContext(key, value, io);
    contexts.set(key, context ?? { kind: 'files', origin: { kind: 'context', name: key } });
    if (context === undefined) namedFiles.set(key, await directory(value));
  }
  return { contexts, namedFiles };
}

/** Undefined for a directory. */
function namedContext(
  name: string,
  value: string,
  { findImage }: { readonly findImage: FindImage },
): NamedContext | undefined {
  const git = contextReference(value);
  if (git?.kind === 'invalid') throw failure('USAGE', 'use --build-context', name, git.what);
  if (git !== undefined) return { kind: 'files', origin: { kind: 'git', ...git.reference } };
  if (/^https?:\/\//.test(value)) {
    return { kind: 'files', origin: { kind: 'http', url: value, name: 'context' } };
  }
  const [, scheme, rest = ''] = /^([a-z-]+):(?:\/\/)?(.*)$/s.exec(value) ?? [];
  switch (scheme) {
    case 'docker-image':
      return rest === 'scratch' ? { kind: 'scratch' } : { kind: 'image', reference: rest };
    case 'oci-layout': {
      const location = layoutLocation(rest);
      return {
        kind: 'image',
        reference: value,
        resolve: (_, platform, options) => findImage(location, platform, options),
      };
    }
    case 'target':
      return { kind: 'stage', name: rest };
    default:
      return undefined;
  }
}

function layoutLocation(text: string): LayoutLocation {
  const at = text.lastIndexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const place = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest))
    throw failure('USAGE', 'use --build-context', text, `"${digest}" is no digest`);
  const colon = place.lastIndexOf(':');
  const named = colon > place.lastIndexOf('/');
  return {
    transport: 'oci',
    path: resolve(named ? place.slice(0, colon) : place),
    ...(named && { name: place.slice(colon + 1) }),
    ...(digest !== undefined && { digest }),
  };
}

async function directory(value: string): Promise<ContextFiles> {
  const path = resolve(value);
  const state = await stat(path).catch(() => undefined);
  if (!state?.isDirectory()) {
    throw failure('NOT_FOUND', 'use --build-context', value, 'there is no such directory', {
      hint: 'a value is a directory, a URL, docker-image://…, oci-layout://… or target:…',
    });
  }
  return { kind: 'directory', path, ignore: (await readText(join(path, '.dockerignore'))) ?? '' };
}
