import { writtenOut } from '../characters.ts';
import { excerptOf, type Range, type Source } from '../source.ts';
import { type LintOptions, noLintOptions } from './lint-options.ts';
import { type Rule, ruleUrl } from './rules.ts';

/** Something that a rule found: the build goes on. */
export interface Warning {
  /** The rule's name, as `InvalidBaseImagePlatform`. */
  readonly rule: string;
  readonly message: string;
  readonly description: string;
  readonly url: string;
  /** 1-based. */
  readonly line: number;
  /** With columns where they are known. */
  readonly range: Range;
  readonly excerpt: string;
}

/** Gathers what rules find; what is found for several platforms is told once. */
export class Lint {
  readonly options: LintOptions;
  readonly #source: Source;
  readonly #found = new Map<string, Warning>();

  constructor(source: Source, options: LintOptions = noLintOptions) {
    this.#source = source;
    this.options = options;
  }

  report<Parts extends readonly string[]>(rule: Rule<Parts>, range: Range, ...parts: Parts): void {
    if (!this.#isOn(rule)) return;
    const message = writtenOut(rule.message(...parts));
    const key = `${rule.name}\n${range.startLine}\n${message}`;
    if (this.#found.has(key)) return;
    this.#found.set(key, {
      rule: rule.name,
      message,
      description: rule.description,
      url: ruleUrl(rule),
      line: range.startLine,
      range,
      excerpt: excerptOf(this.#source, range),
    });
  }

  #isOn({ name, experimental }: Pick<Rule, 'name' | 'experimental'>): boolean {
    const { options } = this;
    if (experimental) return options.experimental === 'all' || options.experimental.has(name);
    return options.skip !== 'all' && !options.skip.has(name);
  }

  /** By line. */
  get warnings(): Warning[] {
    return [...this.#found.values()].sort((a, b) => a.line - b.line);
  }

  /** What `error=true` makes of the warnings: the rules' names, when there are any. */
  get violations(): string | undefined {
    if (!this.options.error || this.#found.size === 0) return undefined;
    const names = [...new Set([...this.#found.values()].map(({ rule }) => rule))];
    return `lint violation found for rules: ${names.join(', ')}`;
  }
}
