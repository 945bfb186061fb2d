import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { absolute } from '../container-path.ts';
import type { StageBuild } from '../stage-build.ts';
import { commandArguments } from './shell-form.ts';

const networks: readonly string[] = ['default', 'none', 'host'];

/** RUN: variables are the shell's own business; they are in its environment and not expanded here. */
export const readRun: CommandReader = (instruction, source) => {
  const flags = readFlags(source, instruction, {
    mount: 'list',
    network: 'text',
    security: 'text',
    device: 'list',
  });
  const network = flags.network ?? 'default';
  if (!networks.includes(network))
    throw invalid(source, instruction.range, `invalid network mode "${network}"`);
  const { body } = instruction;
  if (body.form === 'exec' && body.arguments.length === 0) {
    throw invalid(source, instruction.range, 'RUN requires a command');
  }
  return {
    instruction,
    counts: true,
    apply(stage) {
      if (flags.mount !== undefined) throw stage.unsupported(instruction, 'RUN --mount');
      if (flags.device !== undefined) throw stage.unsupported(instruction, 'RUN --device');
      if (flags.security !== undefined && flags.security !== 'sandbox') {
        throw stage.unsupported(instruction, `RUN --security=${flags.security}`);
      }
      if (instruction.heredocs.length > 0) {
        throw stage.unsupported(
          instruction,
          'a heredoc in RUN',
          'join the commands with && and continuation lines',
        );
      }
      const args = commandArguments(stage, instruction);
      const node = stage.addStep(
        {
          kind: 'run',
          platform: stage.platform,
          args,
          env: Array.from(stage.variables, ([key, value]) => `${key}=${value}`),
          cwd: absolute('/', stage.config.WorkingDir ?? '/'),
          user: stage.config.User ?? '',
          network: network === 'default' ? stage.context.network : network === 'host' ? 'host' : 'none',
        },
        [stage.node],
        instruction,
        { rawQuotes: true, skipUnset: true },
      );
      stage.commit(instruction, `RUN ${[...argumentsInScope(stage), ...args].join(' ')}`, node);
    },
  };
};

/** `|2 A=b C=d`: the ARGs of the stage with the values that the step saw, in the order of their first declaration. */
function argumentsInScope(stage: StageBuild): string[] {
  const values = new Map<string, string>();
  for (const { key, value } of stage.arguments) values.set(key, stage.variables.get(key) ?? value ?? '');
  return values.size === 0
    ? []
    : [`|${values.size}`, ...Array.from(values, ([key, value]) => `${key}=${value}`)];
}
