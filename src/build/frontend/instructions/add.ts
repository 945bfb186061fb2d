import { readFlags } from '../../dockerfile/read-flags.ts';
import type { CommandReader } from '../command.ts';
import { copyOperands, planCopy, refuseUnsupportedFlags } from './copy-files.ts';

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
      refuseUnsupportedFlags(stage, instruction, flags, ['link', 'keep-git-dir', 'checksum', 'exclude']);
      for (const path of operands.sources) {
        if (!isRemote(stage.expand(instruction, path))) continue;
        throw stage.unsupported(
          instruction,
          'ADD of a URL or git repository',
          'fetch it in a RUN step, or put it into the context',
        );
      }
      planCopy(stage, instruction, { ...flags, ...operands, unpack: flags.unpack ?? true });
    },
  };
};

/** What ADD takes from elsewhere. `github.com/a/b` without a scheme is a local path, as in BuildKit. */
export function isRemote(path: string): boolean {
  return /^(?:https?|ssh|git):\/\//.test(path) || /^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:/.test(path);
}
