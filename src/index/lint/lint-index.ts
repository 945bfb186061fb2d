import type { IndexDraft } from '../index-draft.ts';
import { describePlatform } from '../platform-spelling.ts';
import type { IndexFacts } from './index-facts.ts';
import type { LintFinding, LintRule, RuleHit } from './lint-rule.ts';
import { lintRules } from './lint-rules.ts';

const pages = 'docs/lint/index';

/** Every rule's findings. Pure. */
export function lintIndex(facts: IndexFacts, rules: readonly LintRule[] = lintRules): LintFinding[] {
  return rules.flatMap((rule) => {
    const found = rule.check(facts);
    const fixable = mended(facts, rule, found) !== undefined;
    return found.map((hit) => finding(facts, rule, hit, fixable));
  });
}

/**
 * The draft with everything mended that can be, a rule after another, and what is left: findings that only a human can decide. A fix that does
 * not mend (because another rule stands in its way) leaves its finding, and the draft as it was.
 */
export function fixIndex(
  facts: IndexFacts,
  rules: readonly LintRule[] = lintRules,
): { draft: IndexDraft; fixed: LintFinding[]; left: LintFinding[] } {
  let current = facts;
  const fixed: LintFinding[] = [];
  for (const rule of rules) {
    const found = rule.check(current);
    const draft = mended(current, rule, found);
    if (draft === undefined) continue;
    fixed.push(...found.map((hit) => finding(current, rule, hit, true)));
    current = { ...current, draft };
  }
  return { draft: current.draft, fixed, left: lintIndex(current, rules) };
}

/** Undefined when the rule's fix takes none of its findings away. */
function mended(facts: IndexFacts, rule: LintRule, found: readonly RuleHit[]): IndexDraft | undefined {
  if (found.length === 0 || rule.fix === undefined) return undefined;
  const draft = rule.fix(facts);
  return rule.check({ ...facts, draft }).length < found.length ? draft : undefined;
}

function finding(
  { draft }: IndexFacts,
  rule: LintRule,
  { at, what }: RuleHit,
  fixable: boolean,
): LintFinding {
  const entry = at === undefined ? undefined : draft.entries[at];
  return {
    rule: rule.id,
    severity: rule.severity,
    ...(entry === undefined ? {} : { entry: `${describePlatform(entry.platform)} ${entry.digest}` }),
    what,
    fixable,
    url: `${pages}/${rule.id}.md`,
  };
}
