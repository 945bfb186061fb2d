import { failure, type PolyarchError } from '../../../lib/errors.ts';
import { isRegistry, parseReference } from '../../../oci/reference.ts';

/** What a mirror may be asked for: content by digest, names by tag, or both. */
export type PullFromMirror = 'all' | 'digest-only' | 'tag-only';

interface Location {
  /** `host[:port][/path]`; `` where a prefix with a wildcard keeps the name as it is. */
  readonly location: string;
  readonly insecure: boolean;
}

/** One `[[registry]]` of registries.conf version 2 (containers-registries.conf(5)). */
export interface RegistryRule extends Location {
  /** `host[:port][/path]` or `*.domain`. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly (Location & { readonly pull: PullFromMirror })[];
  /** The file that says so, for messages. */
  readonly file: string;
}

/** A repository's place as the network has it. */
export interface Place {
  readonly registry: string;
  readonly repository: string;
  /** The place need not prove who it is, and may speak plain HTTP. */
  readonly insecure: boolean;
}

export interface Places {
  /** Asked in this order, before `primary`. */
  readonly mirrors: readonly (Place & { readonly pull: PullFromMirror })[];
  /** Where the repository is read from when no mirror has what is wanted. */
  readonly primary: Place;
  /** Where the repository is written to: under its own name. */
  readonly target: Place;
}

export class RegistriesConf {
  readonly #rules: readonly RegistryRule[];
  /** What the files say that nothing is made of. */
  readonly warnings: readonly string[];

  constructor(rules: readonly RegistryRule[], warnings: readonly string[] = []) {
    this.#rules = rules;
    this.warnings = warnings;
  }

  /** The rule with the longest prefix counts. USAGE when it blocks the registry, or rewrites the name into none. */
  places(registry: string, repository: string): Places {
    const name = `${registry}/${repository}`;
    const found = this.#find(name);
    if (found === undefined) {
      const itself = { registry, repository, insecure: false };
      return { mirrors: [], primary: itself, target: itself };
    }
    const { rule, matched } = found;
    if (rule.blocked) {
      throw failure('USAGE', 'use', name, `${rule.file} blocks ${rule.prefix}`, {
        hint: `take "blocked = true" out of ${rule.file}`,
      });
    }
    const at = ({ location, insecure }: Location): Place => ({
      ...(location === '' ? { registry, repository } : rewritten(location + name.slice(matched), rule)),
      insecure,
    });
    return {
      mirrors: rule.mirrors.map((mirror) => ({ ...at(mirror), pull: mirror.pull })),
      primary: at(rule),
      target: { registry, repository, insecure: rule.insecure },
    };
  }

  /** Whether a registry as a whole need not prove who it is. */
  isInsecure(registry: string): boolean {
    return this.#find(registry)?.rule.insecure ?? false;
  }

  #find(name: string): { rule: RegistryRule; matched: number } | undefined {
    let found: { rule: RegistryRule; matched: number } | undefined;
    for (const rule of this.#rules) {
      const matched = matchedLength(name, rule.prefix);
      const length = found?.rule.prefix.length ?? 0;
      if (matched !== undefined && rule.prefix.length > length) found = { rule, matched };
    }
    return found;
  }
}

/** How much of `name` a prefix stands for. */
function matchedLength(name: string, prefix: string): number | undefined {
  if (!prefix.startsWith('*.')) {
    return name === prefix || name.startsWith(`${prefix}/`) ? prefix.length : undefined;
  }
  const host = (name.split('/')[0] ?? '').replace(/:\d+$/, '');
  const domain = prefix.slice(1);
  return host.endsWith(domain) && host.length > domain.length ? host.length : undefined;
}

function rewritten(name: string, rule: RegistryRule): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const broken = (cause?: unknown): PolyarchError =>
    failure(
      'USAGE',
      'use',
      rule.file,
      `the registry "${rule.prefix}" makes "${name}" of a name, which is none`,
      {
        cause,
      },
    );
  // A location's first part is a host, also where a reference's would not be (`mirror/debian`).
  if (slash < 0 || !isRegistry(name.slice(0, slash))) throw broken();
  try {
    const registry = name.slice(0, slash);
    if (registry === 'docker.io') return parseReference(name);
    const { repository } = parseReference(`host.invalid/${name.slice(slash + 1)}`);
    return { registry, repository };
  } catch (error) {
    throw broken(error);
  }
}
