import { expand } from '../../dockerfile/expand.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { isRemote } from './add.ts';
import { copyOperands, planCopy, refuseUnsupportedFlags } from './copy-files.ts';

/** COPY from the build context, or with `--from` out of another stage or image. */
export const readCopy: CommandReader = (instruction, source) => {
  const flags = readFlags(source, instruction, {
    from: 'text',
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    parents: 'boolean',
    exclude: 'list',
  });
  const operands = copyOperands(instruction, source);
  const { from } = flags;
  if (from?.includes('$') && expand(from, () => undefined, { escapeCharacter: '\\' }).text !== from) {
    throw invalid(
      source,
      instruction.range,
      'variable expansion is not supported for --from',
      'define a stage with FROM, which may use a global ARG, and name that stage',
    );
  }
  return {
    instruction,
    counts: true,
    ...(from ? { from } : {}),
    apply(stage) {
      refuseUnsupportedFlags(stage, instruction, flags, ['link', 'parents', 'exclude']);
      for (const path of operands.sources) {
        if (!isRemote(stage.expand(instruction, path))) continue;
        throw stage.invalid(instruction, "source can't be a URL or git ref for COPY");
      }
      const tree = from ? stage.copySource(from) : undefined;
      planCopy(stage, instruction, { ...flags, ...operands, unpack: false, ...(tree && { tree }) });
    },
  };
};
