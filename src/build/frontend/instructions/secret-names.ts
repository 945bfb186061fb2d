import type { Instruction } from '../../dockerfile/instruction.ts';
import { rules } from '../../dockerfile/lint/rules.ts';
import type { StageBuild } from '../stage-build.ts';

/** Names of what is kept from others, whole or as first or last words, as BuildKit tells them; `public` among the words clears a name. */
const secret = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const open = /(?:_|^)public(?:_|$)/i;

/** ARG and ENV are in the image for everyone to read. */
export function lintSecretName(stage: StageBuild, instruction: Instruction, key: string): void {
  if (!secret.test(key) || open.test(key)) return;
  stage.context.lint.report(rules.SecretsUsedInArgOrEnv, instruction.range, instruction.keyword, key);
}
