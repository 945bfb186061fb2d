import { readFlags } from '../../dockerfile/read-flags.ts';
import type { CommandReader } from '../command.ts';
import { copyOperands, planCopy } from './copy-files.ts';
import { pathSource } from './path-source.ts';

/** ADD of local files: archives are unpacked. URLs and git repositories are not built yet. */
export const readAdd: CommandReader = (instruction, source) => {
  const flags = readFlags(source, instruction, {
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    'keep-git-dir': 'boolean',
    checksum: 'text',
    unpack: 'boolean',
    exclude: 'list',
  });
  const operands = copyOperands(instruction, source);
  return {
    instruction,
    counts: true,
    apply(stage) {
      for (const name of ['keep-git-dir', 'checksum'] as const) {
        if (flags[name]) throw stage.unsupported(instruction, `ADD --${name}`);
      }
      const sourceOf = (path: string) => {
        if (!isRemote(path)) return pathSource(path, { fromContext: true, unpack: flags.unpack ?? true });
        throw stage.unsupported(
          instruction,
          'ADD of a URL or git repository',
          'fetch it in a RUN step, or put it into the context',
        );
      };
      planCopy(stage, instruction, { ...flags, ...operands, sourceOf });
    },
  };
};

/** What ADD takes from elsewhere. `github.com/a/b` without a scheme is a local path, as in BuildKit. */
export function isRemote(path: string): boolean {
  return /^(?:https?|ssh|git):\/\//.test(path) || /^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:/.test(path);
}
