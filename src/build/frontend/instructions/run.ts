import { type HeredocCommand, heredocCommand } from '../../dockerfile/heredoc-command.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { mountSource } from '../../dockerfile/read-mount.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { RunMountOp, RunOp } from '../../graph/run-op.ts';
import type { CommandReader } from '../command.ts';
import { absolute } from '../container-path.ts';
import type { StageBuild } from '../stage-build.ts';
import { runMounts } from './run-mounts.ts';
import { commandArguments, shellArguments } from './shell-form.ts';

const networks: readonly string[] = ['default', 'none', 'host'];
const securities: readonly string[] = ['sandbox', 'insecure'];

/** RUN: variables are the shell's own business; they are in its environment and not expanded here. */
export const readRun: CommandReader = (instruction, source) => {
  const flags = readFlags(source, instruction, {
    mount: 'list',
    network: 'text',
    security: 'text',
    device: 'list',
  });
  const fail = (what: string) => invalid(source, instruction.range, what);
  const { mount: mounts = [], network = 'default', security = 'sandbox' } = flags;
  if (!networks.includes(network)) throw fail(`invalid network mode "${network}"`);
  if (!securities.includes(security)) throw fail(`security "${security}" is not valid`);
  const sources = mounts.flatMap((text) => mountSource(text, fail) ?? []);
  const { body } = instruction;
  if (body.form === 'exec' && body.arguments.length === 0) throw fail('RUN requires a command');
  return {
    instruction,
    counts: true,
    from: sources,
    apply(stage) {
      if (flags.device !== undefined) throw stage.unsupported(instruction, 'RUN --device');
      if (security === 'insecure' && !stage.context.allow.has('security.insecure')) {
        const hint = 'if you trust the Dockerfile: polyarch build --allow security.insecure';
        throw stage.invalid(instruction, 'security.insecure is not allowed', hint);
      }
      const { run } = stage.context;
      const cwd = absolute('/', stage.config.WorkingDir ?? '/');
      const heredoc = heredocCommand(instruction, { os: stage.imagePlatform.os });
      const given = runMounts(stage, instruction, mounts, cwd);
      const program = heredoc?.kind === 'program' ? programMount(heredoc) : undefined;
      const ops = [...given.ops, ...(program ? [program] : [])];
      const args = argumentsOf(stage, instruction, heredoc, program?.target);
      const op: RunOp = {
        kind: 'run',
        platform: stage.platform,
        args,
        env: [...Array.from(stage.variables, ([key, value]) => `${key}=${value}`), ...given.env],
        cwd,
        user: stage.config.User ?? '',
        network: network === 'default' ? stage.context.network : network === 'host' ? 'host' : 'none',
        ...(security === 'insecure' && { insecure: true }),
        ...(ops.length > 0 && { mounts: ops }),
        ...run,
      };
      const note = heredoc && isAlone(instruction) ? ` (${summaryOf(instruction)})` : '';
      const node = stage.addStep(op, [stage.node, ...given.inputs], instruction, {
        rawQuotes: true,
        skipUnset: true,
        note,
        masked: given.secretNames,
      });
      // What of the context cannot be read is this step's failure.
      for (const input of given.inputs) if (input.op.kind === 'context') input.steps.push(...node.steps);
      stage.commit(instruction, `RUN ${[...argumentsInScope(stage), ...args].join(' ')}`, node);
    },
  };
};

type ProgramMount = Extract<RunMountOp, { kind: 'program' }>;

function programMount({ name, content }: { name: string; content: string }): ProgramMount {
  return { kind: 'program', target: absolute('/dev/pipes', name), content };
}

function argumentsOf(
  stage: StageBuild,
  instruction: Instruction,
  heredoc: HeredocCommand | undefined,
  program: string | undefined,
): string[] {
  if (heredoc === undefined) return commandArguments(stage, instruction);
  return shellArguments(stage, heredoc.kind === 'shell' ? heredoc.text : (program ?? ''));
}

/** `RUN <<EOF` with nothing beside it. */
function isAlone({ heredocs, body }: Instruction): boolean {
  return heredocs.length === 1 && body.form === 'shell' && /^\S+$/.test(body.text);
}

/** The first line of the heredoc, as BuildKit's progress shows it. */
function summaryOf({ heredocs: [heredoc] }: Instruction): string {
  const [first = '', ...more] = (heredoc?.content ?? '').trim().split(/\r?\n/);
  return more.length > 0 ? `${first}...` : first;
}

/** `|2 A=b C=d`: the ARGs of the stage with the values that the step saw, in the order of their first declaration. */
function argumentsInScope(stage: StageBuild): string[] {
  const values = new Map<string, string>();
  for (const { key, value } of stage.arguments) values.set(key, stage.variables.get(key) ?? value ?? '');
  return values.size === 0
    ? []
    : [`|${values.size}`, ...Array.from(values, ([key, value]) => `${key}=${value}`)];
}
