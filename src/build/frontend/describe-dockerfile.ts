import type { Instruction } from '../dockerfile/instruction.ts';
import type { Range } from '../dockerfile/source.ts';
import type { RunOp } from '../graph/run-op.ts';
import type { ArgCommand } from './instructions/arg.ts';
import { planDockerfile } from './plan-dockerfile.ts';
import type { PlanOptions, PlanRequest } from './plan-request.ts';
import { readDockerfile } from './read-dockerfile.ts';
import { readStages, type Stages } from './read-stages.ts';
import type { StageBuild } from './stage-build.ts';
import type { LaidOutStage } from './stage-layout.ts';

export interface Target {
  readonly name?: string;
  /** From the comment above its FROM: `# NAME description`. */
  readonly description?: string;
  readonly isDefault: boolean;
  /** As written. */
  readonly base: string;
  readonly platform?: string;
  readonly range: Range;
}

/** The stages of a Dockerfile. */
export function listTargets(request: PlanRequest): Target[] {
  const { stages } = readStages(readDockerfile(request).dockerfile);
  return stages.map(({ from }, index) => ({
    ...(from.name === undefined ? {} : { name: from.name }),
    ...describedBy(from.instruction, from.name),
    isDefault: index === stages.length - 1,
    base: from.base,
    ...(from.platform === undefined ? {} : { platform: from.platform }),
    range: from.instruction.range,
  }));
}

export interface Argument {
  readonly name: string;
  readonly value?: string;
  readonly description?: string;
  readonly range: Range;
}

/** A `RUN --mount=type=secret` or `type=ssh`. */
export interface SecretUse {
  readonly name: string;
  readonly required: boolean;
  readonly range: Range;
}

export interface Outline {
  readonly name?: string;
  readonly description?: string;
  readonly arguments: readonly Argument[];
  readonly secrets: readonly SecretUse[];
  readonly ssh: readonly SecretUse[];
}

/** The build arguments, secrets and SSH agents that a target takes, those of the stages that it needs included. */
export async function outlineTarget(request: PlanRequest, options: PlanOptions): Promise<Outline> {
  const { dockerfile, lint } = readDockerfile(request);
  const stages = readStages(dockerfile);
  const found = new OutlineBuilder(stages);
  let target: LaidOutStage | undefined;
  await planDockerfile(
    dockerfile,
    { ...request, platforms: request.platforms.slice(0, 1) },
    {
      ...options,
      lint,
      onStage: (build, laidOut) => {
        target = laidOut;
        found.add(build, laidOut);
      },
    },
  );
  const from = target?.stage.from;
  return {
    ...(from?.name === undefined ? {} : { name: from.name }),
    ...(from && describedBy(from.instruction, from.name)),
    ...found.result,
  };
}

class OutlineBuilder {
  readonly #globals = new Map<
    string,
    { readonly command: ArgCommand; readonly fallback: string | undefined }
  >();
  readonly #arguments = new Map<string, Argument>();
  readonly #secrets = new Map<string, SecretUse>();
  readonly #ssh = new Map<string, SecretUse>();

  constructor({ globalArguments }: Stages) {
    for (const command of globalArguments) {
      for (const { key, value } of command.declared) this.#globals.set(key, { command, fallback: value });
    }
  }

  get result(): Pick<Outline, 'arguments' | 'secrets' | 'ssh'> {
    const byLine = <T extends { readonly range: Range }>(items: Iterable<T>) =>
      [...items].sort((a, b) => a.range.startLine - b.range.startLine);
    return {
      arguments: byLine(this.#arguments.values()),
      secrets: byLine(this.#secrets.values()),
      ssh: byLine(this.#ssh.values()),
    };
  }

  add({ context, arguments: declared, history }: StageBuild, { stage, commands }: LaidOutStage): void {
    const { globalArguments } = context;
    const runs = commands.filter(({ instruction }) => instruction.keyword === 'RUN');
    // The stage's own are the last ones: before them are those of the stage that it is FROM.
    const ops = history.flatMap(({ node }) => (node?.op.kind === 'run' ? [node.op] : [])).slice(-runs.length);
    for (const [index, { instruction }] of runs.entries()) {
      const op = ops[index];
      if (op !== undefined) this.#addMounts(op, instruction.range);
    }
    for (const text of [stage.from.base, stage.from.platform ?? '']) this.#useGlobals(text, globalArguments);
    for (const { instruction } of commands) {
      if (instruction.keyword !== 'ARG' || instruction.body.form !== 'words') continue;
      for (const word of instruction.body.words) {
        const name = word.replace(/=.*/s, '');
        const hasOwnValue = word.includes('=') || Object.hasOwn(context.buildArgs, name);
        if (!hasOwnValue && globalArguments.has(name)) this.#useGlobal(name, globalArguments);
        else {
          const value = declared.findLast(({ key }) => key === name)?.value;
          this.#arguments.set(name, {
            name,
            ...(value === undefined ? {} : { value }),
            ...describedBy(instruction, name),
            range: instruction.range,
          });
        }
      }
    }
  }

  #useGlobals(text: string, values: ReadonlyMap<string, string>): void {
    for (const [, name = ''] of text.matchAll(/\$\{?(\w+)/g)) this.#useGlobal(name, values);
  }

  #useGlobal(name: string, values: ReadonlyMap<string, string>): void {
    const global = this.#globals.get(name);
    if (global === undefined || this.#arguments.has(name)) return;
    const { instruction } = global.command;
    const value = values.get(name);
    this.#arguments.set(name, {
      name,
      ...(value === undefined ? {} : { value }),
      ...describedBy(instruction, name),
      range: instruction.range,
    });
    this.#useGlobals(global.fallback ?? '', values);
  }

  /** What is named more than once is as it is named first. */
  #addMounts({ mounts = [] }: RunOp, range: Range): void {
    for (const mount of mounts) {
      if (mount.kind !== 'secret' && mount.kind !== 'ssh') continue;
      const { id: name, required } = mount;
      const known = mount.kind === 'ssh' ? this.#ssh : this.#secrets;
      if (!known.has(name)) known.set(name, { name, required, range });
    }
  }
}

/** The description that a comment right above gives a name: `# NAME description`. */
function describedBy({ comments }: Instruction, name: string | undefined): { description?: string } {
  const line = name === undefined ? undefined : comments.find((comment) => comment.startsWith(`${name} `));
  return line === undefined || name === undefined ? {} : { description: line.slice(name.length + 1) };
}
