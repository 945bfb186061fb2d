import type { CommandReader } from '../command.ts';
import { expandPairs, readPairs } from './key-values.ts';

export const readLabel: CommandReader = (instruction, source) => {
  const pairs = readPairs(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const set = expandPairs(stage, instruction, pairs);
      stage.config.Labels = Object.fromEntries([...Object.entries(stage.config.Labels ?? {}), ...set]);
      stage.commit(instruction, ['LABEL', ...set.map(([key, value]) => `${key}=${value}`)].join(' '));
    },
  };
};
