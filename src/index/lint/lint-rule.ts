import type { IndexDraft } from '../index-draft.ts';
import type { IndexFacts } from './index-facts.ts';

/** `error`: pulls fail or get the wrong image. `warning`: some clients do, or people are misled. */
export type Severity = 'error' | 'warning';

export interface LintFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** `linux/arm64 sha256:…`, or the index. */
  readonly entry?: string;
  readonly what: string;
  /** Whether `--fix` mends it. */
  readonly fixable: boolean;
  /** What the rule is for, and what to do. */
  readonly url: string;
}

/** One entry's trouble, or the whole index's. */
export interface RuleHit {
  /** Position in the draft's entries. */
  readonly at?: number;
  readonly what: string;
}

/** A rule as data: `docs/lint/index/<id>.md` is its page. */
export interface LintRule {
  readonly id: string;
  readonly summary: string;
  readonly severity: Severity;
  readonly check: (facts: IndexFacts) => readonly RuleHit[];
  /** The draft without the trouble that `check` found in it. Absent: only a human can tell what is right. */
  readonly fix?: (facts: IndexFacts) => IndexDraft;
}
