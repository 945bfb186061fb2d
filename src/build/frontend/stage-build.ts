import type { PolyarchError } from '../../lib/errors.ts';
import type { PathPatterns } from '../../lib/path-patterns.ts';
import { redactAddresses } from '../../lib/redact.ts';
import { suggestExactCase } from '../../lib/suggest.ts';
import { type History, maxMetadataBytes } from '../../oci/manifest.ts';
import type { Platform } from '../../oci/platform.ts';
import { type ExpandOptions, type Expansion, ExpansionError, expand } from '../dockerfile/expand.ts';
import type { Instruction } from '../dockerfile/instruction.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import { invalid, overLimit, type Source, unsupported } from '../dockerfile/source.ts';
import type { Graph, Node, Step } from '../graph/graph.ts';
import type { PlannedHistory } from '../graph/image-plan.ts';
import type { FileOrigin, Op } from '../graph/op.ts';
import type { MutableConfig } from './base-config.ts';
import type { Budget } from './budget.ts';
import type { Entitlement, RunDefaults } from './plan-request.ts';
import { nonEnvironment } from './platform-arguments.ts';

/** Characters of all variables together that a step may see: the kernel starts no program with more. */
const maxEnvironmentLength = 128 * 1024;

/** An ARG of the stage; no value where it has none. */
export interface DeclaredArgument {
  readonly key: string;
  readonly value?: string;
}

/** What all stages of one platform's plan share. */
export interface PlanContext {
  readonly source: Source;
  readonly escapeCharacter: string;
  readonly graph: Graph;
  readonly lint: Lint;
  readonly budget: Budget;
  /** Automatic and global arguments: seen by a stage that declares them. */
  readonly globalArguments: ReadonlyMap<string, string>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly network: 'host' | 'none';
  /** What the ignore file keeps out of the context. */
  readonly ignored: PathPatterns;
  readonly allow: ReadonlySet<Entitlement>;
  readonly run: RunDefaults;
}

/** How a step's text is made of the instruction's. */
export interface StepTextOptions extends Partial<ExpandOptions> {
  /** Behind the text. */
  readonly note?: string;
  /** Variables that are shown as `****`. */
  readonly masked?: ReadonlySet<string>;
}

/** What a stage begins with: a base image, scratch, or where an earlier stage ended. */
export interface StageStart {
  readonly platform: Platform;
  /** The image's own os, architecture and variant. */
  readonly imagePlatform: Platform;
  readonly node: Node;
  readonly config: MutableConfig;
  readonly author?: string;
  readonly baseHistory: readonly History[];
  readonly history: readonly PlannedHistory[];
  readonly variables: ReadonlyMap<string, string>;
  readonly arguments: readonly DeclaredArgument[];
  /** A WORKDIR of the Dockerfile was applied. Default false. */
  readonly hasWorkingDirectory?: boolean;
}

/** A stage while its instructions are applied, for one platform: the state that BuildKit's dispatchState has. */
export class StageBuild {
  readonly context: PlanContext;
  readonly name: string;
  readonly platform: Platform;
  readonly imagePlatform: Platform;
  readonly baseHistory: readonly History[];
  readonly config: MutableConfig;
  readonly history: PlannedHistory[];
  /** Variables in scope, in the order of their last assignment. */
  readonly variables: Map<string, string>;
  readonly arguments: DeclaredArgument[];
  readonly copySource: (from: string) => Node;
  readonly copyOrigin: (from: string) => FileOrigin | undefined;
  author: string | undefined;
  node: Node;
  /** A WORKDIR was given, here or in the stages that it stands on. */
  hasWorkingDirectory: boolean;
  /** Instructions of which the last one holds, as this stage gave them: a CMD keeps ENTRYPOINT from clearing it. */
  readonly last = new Map<'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK', Instruction>();
  #number: number;
  readonly #total: number;
  #environmentLength = 0;
  #historyLength: number;

  constructor(
    context: PlanContext,
    start: StageStart,
    options: {
      readonly name: string;
      /** Steps that the stage counts, and how many of them its base took. */
      readonly total: number;
      readonly done: number;
      /** The tree that a COPY --from or a mount reads. */
      readonly copySource: (from: string) => Node;
      /** The files that a COPY --from reads without a tree of their own, where it names a context of files. */
      readonly copyOrigin: (from: string) => FileOrigin | undefined;
    },
  ) {
    this.context = context;
    this.name = options.name;
    this.copySource = options.copySource;
    this.copyOrigin = options.copyOrigin;
    this.#total = options.total;
    this.#number = options.done;
    this.platform = start.platform;
    this.imagePlatform = start.imagePlatform;
    this.node = start.node;
    this.author = start.author;
    this.baseHistory = start.baseHistory;
    this.config = structuredClone(start.config);
    // A stage's triggers ran in the stages that are FROM it: they hold no longer there.
    delete this.config.OnBuild;
    this.history = [...start.history];
    this.#historyLength = start.history.reduce((sum, entry) => sum + entry.createdBy.length, 0);
    this.variables = new Map(start.variables);
    this.arguments = [...start.arguments];
    this.hasWorkingDirectory = start.hasWorkingDirectory ?? false;
    for (const [key, value] of this.variables) this.#environmentLength += key.length + value.length;
  }

  /** Where a stage that is FROM this one begins. */
  get end(): StageStart {
    const { platform, imagePlatform, node, config, author, baseHistory, history, variables } = this;
    return {
      platform,
      imagePlatform,
      node,
      config,
      ...(author === undefined ? {} : { author }),
      baseHistory,
      history,
      variables,
      arguments: this.arguments,
      hasWorkingDirectory: this.hasWorkingDirectory,
    };
  }

  /** Notes an instruction of which only the last one in a stage holds. */
  noteLast(instruction: Instruction, keyword: 'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK'): void {
    const earlier = this.last.get(keyword);
    this.last.set(keyword, instruction);
    if (earlier === undefined) return;
    this.context.lint.report(rules.MultipleInstructionsDisallowed, earlier.range, instruction.written);
  }

  /** DOCKERFILE, with the instruction's lines. */
  invalid(instruction: Instruction, what: string, hint?: string): PolyarchError {
    return invalid(this.context.source, instruction.range, what, hint);
  }

  /** UNSUPPORTED, with the instruction's lines. `what` is named as it is written. */
  unsupported(instruction: Instruction, what: string, hint?: string): PolyarchError {
    return unsupported(this.context.source, instruction.range, what, hint);
  }

  expand(instruction: Instruction, word: string): string {
    return this.#expand(instruction, word).text;
  }

  /** Says nothing of unset variables, as BuildKit does where one word may become several. */
  expandToWords(instruction: Instruction, word: string): readonly string[] {
    return expandAt(this.context, instruction, word, this.variables).words;
  }

  /** The lines of a heredoc: quotes stay, and `\` is the escape character whatever the directive says. */
  expandLines(instruction: Instruction, text: string): string {
    return this.#expand(instruction, text, { plainQuotes: true, escapeCharacter: '\\' }).text;
  }

  #expand(instruction: Instruction, word: string, options: Partial<ExpandOptions> = {}): Expansion {
    const { context } = this;
    const expansion = expandAt(context, instruction, word, this.variables, options);
    for (const name of expansion.unset) {
      if (this.arguments.some((argument) => argument.key === name)) continue;
      if (nonEnvironment.has(name)) continue;
      const similar = suggestExactCase(name, this.variables.keys()) ?? '';
      context.lint.report(rules.UndefinedVar, instruction.range, name, similar);
    }
    return expansion;
  }

  setVariable(instruction: Instruction, key: string, value: string): void {
    const before = this.variables.get(key);
    if (before !== undefined) this.#environmentLength -= key.length + before.length;
    this.#environmentLength += key.length + value.length;
    if (this.#environmentLength > maxEnvironmentLength) {
      const what = `more than ${maxEnvironmentLength} characters of variables`;
      throw overLimit(this.context.source, instruction.range, what);
    }
    // Behind the others: that is where BuildKit's list has what was set last.
    this.variables.delete(key);
    this.variables.set(key, value);
  }

  /** Adds a history entry; `node` is there when the instruction adds a layer, and becomes the stage's tree. */
  commit(instruction: Instruction, createdBy: string, node?: Node): void {
    this.#historyLength += createdBy.length;
    if (this.#historyLength > maxMetadataBytes) {
      throw overLimit(
        this.context.source,
        instruction.range,
        `a history of more than ${maxMetadataBytes} bytes`,
      );
    }
    this.history.push(node === undefined ? { createdBy } : { createdBy, node });
    if (node !== undefined) this.node = node;
  }

  /** Interns the op as the stage's next step. The text is the instruction's, variables filled in as BuildKit's progress shows it. */
  addStep(op: Op, inputs: readonly Node[], instruction: Instruction, text: StepTextOptions = {}): Node {
    return this.context.graph.add(op, inputs, this.#step(instruction, text));
  }

  #step(instruction: Instruction, { note = '', masked, ...options }: StepTextOptions): Step {
    const { keyword, original, written, range } = instruction;
    this.#number++;
    let text = original;
    try {
      const { escapeCharacter, budget } = this.context;
      const spend = (work: number) => budget.spend(work, this.context.source, range);
      text = expand(original, (name) => (masked?.has(name) ? '****' : this.variables.get(name)), {
        escapeCharacter,
        spend,
        ...options,
      }).text;
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
    }
    return {
      platform: this.platform,
      stage: this.name,
      number: this.#number,
      total: this.#total,
      text:
        written.toUpperCase() +
        (keyword === 'ADD' ? redactAddresses : String)(text.slice(written.length)) +
        note,
      ...range,
    };
  }
}

/** Expands a word of an instruction; failures carry its lines. */
export function expandAt(
  context: Pick<PlanContext, 'source' | 'escapeCharacter' | 'budget'>,
  instruction: Instruction,
  word: string,
  variables: ReadonlyMap<string, string>,
  options: Partial<ExpandOptions> = {},
): Expansion {
  const { source, escapeCharacter, budget } = context;
  const spend = (work: number) => budget.spend(work, source, instruction.range);
  try {
    return expand(word, (name) => variables.get(name), { escapeCharacter, spend, ...options });
  } catch (error) {
    if (!(error instanceof ExpansionError)) throw error;
    if (error.limit) throw overLimit(source, instruction.range, error.message);
    throw invalid(source, instruction.range, `failed to process "${word}": ${error.message}`);
  }
}
