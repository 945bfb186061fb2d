import { trimSpace } from '../../dockerfile/characters.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { goList } from '../go-format.ts';

/** VOLUME: config only; it makes no directory. */
export const readVolume: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  const words = instruction.body.form === 'words' ? instruction.body.words.map(trimSpace) : [];
  if (words.length === 0) throw invalid(source, instruction.range, 'VOLUME requires at least one argument');
  const blank = 'VOLUME can not be an empty string';
  if (words.includes('')) throw invalid(source, instruction.range, blank);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const volumes = words.map((word) => stage.expand(instruction, word));
      if (volumes.includes('')) throw stage.invalid(instruction, blank);
      const known = Object.entries(stage.config.Volumes ?? {});
      stage.config.Volumes = Object.fromEntries([
        ...known,
        ...volumes.map((volume) => [volume, {}] as const),
      ]);
      stage.commit(instruction, `VOLUME ${goList(volumes)}`);
    },
  };
};
