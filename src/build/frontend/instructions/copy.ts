import { expand } from '../../dockerfile/expand.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { isRemote } from './add.ts';
import { copyOperands, planCopy } from './copy-files.ts';
import { pathSource } from './path-source.ts';

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
    ...(from ? { from: [from] } : {}),
    apply(stage) {
      const origin = from ? stage.copyOrigin(from) : ({ kind: 'context' } as const);
      const tree = origin === undefined ? stage.copySource(from ?? '') : undefined;
      const sourceOf = (path: string) => {
        if (isRemote(path)) throw stage.invalid(instruction, "source can't be a URL or git ref for COPY");
        return pathSource(path, { origin, parents: flags.parents ?? false });
      };
      planCopy(stage, instruction, { ...flags, ...operands, sourceOf, ...(tree && { tree }) });
    },
  };
};
