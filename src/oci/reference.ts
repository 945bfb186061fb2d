import { type Digest, isDigest } from '../lib/digest.ts';
import { failure, type PolyarchError } from '../lib/errors.ts';

/**
 * registry/repository[:tag][@digest], as github.com/distribution/reference's grammar has it. Short names mean docker.io/library,
 * as in Docker. Nothing is defaulted but the registry: neither tag nor digest means that none was written.
 */
export interface Reference {
  /** `host[:port]`; `docker.io` where none was written. IPv6 hosts keep their brackets. */
  readonly registry: string;
  /** Lower case, `/` between its components. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const defaultRegistry = 'docker.io';
const defaultTag = 'latest';
const defaultNamespace = 'library';

/** distribution/reference: RepositoryNameTotalLengthMax. */
const maxRepositoryLength = 255;
/** RFC 1035's limit of a name, with a port. */
const maxRegistryLength = 253 + ':65535'.length;
/** Longest text that is looked at: registry, repository, tag and sha512 digest at their limits fit. */
const maxReferenceLength = 1024;

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

export function isRepository(text: string): boolean {
  return text.length <= maxRepositoryLength && repositoryPattern.test(text);
}

/** `localhost`, `localhost:5000`, `127.0.0.1`, `[::1]:5000`, `ghcr.io`. */
export function isRegistry(text: string): boolean {
  return text.length <= maxRegistryLength && registryPattern.test(text);
}

/** Reads a reference as a user types it. USAGE, with a hint where one helps, when it is none. */
export function parseReference(text: string): Reference {
  const malformed = (what: string, hint?: string): PolyarchError =>
    failure('USAGE', 'read reference', shorten(text), what, hint === undefined ? {} : { hint });
  if (text === '') throw malformed('it is empty');
  if (text.length > maxReferenceLength) throw malformed(`longer than ${maxReferenceLength} characters`);
  if (text.includes('://')) {
    throw malformed('a reference has no scheme', `write ${text.slice(text.indexOf('://') + 3)}`);
  }
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw malformed(
      '64 hexadecimal digits are an identifier, not a name',
      `a digest reads NAME@sha256:${text}`,
    );
  }

  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw malformed(`"${shorten(digest)}" is not a sha256 or sha512 digest`);
  }
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  // A colon before the last slash belongs to the registry's port.
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : beforeDigest.slice(colon + 1);
  const name = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);
  if (tag !== undefined && !isTag(tag)) {
    throw malformed(`"${shorten(tag)}" is not a tag: up to 128 letters, digits, "_", "." and "-"`);
  }

  const { registry, repository } = splitName(name);
  if (!isRegistry(registry)) throw malformed(`"${shorten(registry)}" is not a registry host`);
  if (repository.length > maxRepositoryLength) {
    throw malformed(`the repository is longer than ${maxRepositoryLength} characters`);
  }
  if (!repositoryPattern.test(repository)) {
    if (repositoryPattern.test(repository.toLowerCase())) {
      throw malformed('repository names are lower case', `write ${lowerRepository(text, name)}`);
    }
    throw malformed(`"${shorten(repository)}" is not a repository name`);
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * The first component is a registry when it has a dot or a port, is `localhost`, or has an upper-case letter (no repository may).
 */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const registry = isHost && first !== 'index.docker.io' ? first : defaultRegistry;
  const path = isHost ? name.slice(slash + 1) : name;
  const short = registry === defaultRegistry && !path.includes('/');
  return { registry, repository: short ? `${defaultNamespace}/${path}` : path };
}

/** `text` with its repository in lower case; registry, tag and digest as written. */
function lowerRepository(text: string, name: string): string {
  const { registry } = splitName(name);
  const kept = name.startsWith(`${registry}/`) ? registry.length : 0;
  return text.slice(0, kept) + text.slice(kept, name.length).toLowerCase() + text.slice(name.length);
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function suffix(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

/** `docker.io/library/debian:12`: one spelling for one reference. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** `docker.io/library/debian`: without tag and digest. */
export function formatRepository({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** `debian:12`: the shortest spelling that reads back as the same reference. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

function familiarName({ registry, repository }: Reference): string {
  if (registry !== defaultRegistry) return `${registry}/${repository}`;
  const prefix = `${defaultNamespace}/`;
  const rest = repository.startsWith(prefix) ? repository.slice(prefix.length) : '';
  // Docker Hub's `library/a/b` must keep its prefix, as must what would read as an identifier.
  if (rest !== '' && !rest.includes('/') && !/^[0-9a-f]{64}$/.test(rest)) return rest;
  const first = repository.slice(0, repository.indexOf('/'));
  return first.includes('.') || first === 'localhost' ? `${registry}/${repository}` : repository;
}

/** The same reference with `:latest` where neither tag nor digest was written. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: defaultTag };
}

/** What a store of this repository resolves: the digest where one was written, else the tag, else `latest`. */
export function identifierOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? defaultTag;
}
