import type { CommandReader } from '../command.ts';
import { expandPairs, readPairs } from './key-values.ts';
import { lintSecretName } from './secret-names.ts';

/** ENV: variables of the image and of the steps that follow. */
export const readEnv: CommandReader = (instruction, source) => {
  const pairs = readPairs(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const set = expandPairs(stage, instruction, pairs);
      for (const [key, value] of set) {
        lintSecretName(stage, instruction, key);
        stage.setVariable(instruction, key, value);
        stage.config.Env = withVariable(stage.config.Env ?? [], key, value);
      }
      stage.commit(instruction, ['ENV', ...set.map(([key, value]) => `${key}=${value}`)].join(' '));
    },
  };
};

/** In the place that the variable had, else last. */
function withVariable(env: readonly string[], key: string, value: string): string[] {
  const entry = `${key}=${value}`;
  const index = env.findIndex((known) => known === key || known.startsWith(`${key}=`));
  return index < 0 ? [...env, entry] : env.with(index, entry);
}
