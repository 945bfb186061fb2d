import type { IndexDraft } from '../index-draft.ts';
import { describePlatform } from '../platform-spelling.ts';
import type { IndexFacts } from './index-facts.ts';
import type { LintFinding, LintRule, RuleHit } from './lint-rule.ts';
import { lintRules } from './lint-rules.ts';

const pages = 'docs/lint/index';

/** Every rule's findings. Pure. */
export function lintIndex(facts: IndexFacts, rules: readonly LintRule[] = lintRules): LintFinding[] {
  return rules.flatMap((rule) => rule.check(facts).map((hit) => finding(facts, rule, hit)));
}

/**
 * The draft with everything mended that can be, a rule after another, and what is left: findings of rules that only a human can decide. A fix
 * that does not mend (because another rule stands in its way) leaves its finding.
 */
export function fixIndex(
  facts: IndexFacts,
  rules: readonly LintRule[] = lintRules,
): { draft: IndexDraft; fixed: LintFinding[]; left: LintFinding[] } {
  let current = facts;
  const fixed: LintFinding[] = [];
  for (const rule of rules) {
    const found = rule.check(current);
    if (found.length === 0 || rule.fix === undefined) continue;
    const mended = { ...current, draft: rule.fix(current) };
    const rest = rule.check(mended).length;
    if (rest < found.length) fixed.push(...found.map((hit) => finding(current, rule, hit)));
    current = mended;
  }
  return { draft: current.draft, fixed, left: lintIndex(current, rules) };
}

function finding({ draft }: IndexFacts, rule: LintRule, { at, what }: RuleHit): LintFinding {
  const entry = at === undefined ? undefined : draft.entries[at];
  return {
    rule: rule.id,
    severity: rule.severity,
    ...(entry === undefined ? {} : { entry: `${describePlatform(entry.platform)} ${entry.digest}` }),
    what,
    fixable: rule.fix !== undefined,
    url: `${pages}/${rule.id}.md`,
  };
}
