import type { CommandReader } from '../command.ts';
import { expandPairs, readPairs } from './key-values.ts';

export const readLabel: CommandReader = (instruction, source) => {
  const pairs = readPairs(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const set = expandPairs(stage, instruction, pairs);
      stage.config.Labels ??= {};
      for (const [key, value] of set) setLabel(stage.config.Labels, key, value);
      stage.commit(instruction, ['LABEL', ...set.map(([key, value]) => `${key}=${value}`)].join(' '));
    },
  };
};

/** Also one that is called `__proto__`. */
function setLabel(labels: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(labels, key, { value, writable: true, enumerable: true, configurable: true });
}
