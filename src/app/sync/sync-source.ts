import type { RegistrySettings } from '../registry-settings.ts';

/** Which images of a repository are meant. */
export type TagChoice =
  | { readonly kind: 'all' }
  /** Tags and digests. */
  | { readonly kind: 'listed'; readonly identifiers: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  /** A range as node-semver has it. */
  | { readonly kind: 'semver'; readonly constraint: string };

/** Images of one repository that are to be copied. */
export interface SyncSource {
  readonly registry: string;
  readonly repository: string;
  readonly choice: TagChoice;
  /** How its registry is spoken to, beyond what the command line says. */
  readonly settings: RegistrySettings;
}
