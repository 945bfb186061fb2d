import type { Instruction } from '../../dockerfile/instruction.ts';
import { rules } from '../../dockerfile/lint/rules.ts';
import type { StageBuild } from '../stage-build.ts';

/** The command of a RUN, CMD or ENTRYPOINT as argv: the shell form has the stage's shell in front. */
export function commandArguments(stage: StageBuild, instruction: Instruction): string[] {
  const { body } = instruction;
  if (body.form === 'exec') return [...body.arguments];
  return shellArguments(stage, body.form === 'shell' ? body.text : '');
}

/** A text for the stage's shell as argv. */
export function shellArguments(stage: StageBuild, text: string): string[] {
  return [...shellOf(stage), text];
}

function shellOf(stage: StageBuild): readonly string[] {
  const shell = stage.config.Shell ?? [];
  if (shell.length > 0) return shell;
  return stage.imagePlatform.os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c'];
}

/** The shell form without SHELL keeps signals from the program. */
export function warnOfShellForm(stage: StageBuild, instruction: Instruction): void {
  if (instruction.body.form !== 'shell' || (stage.config.Shell ?? []).length > 0) return;
  stage.context.lint.report(rules.JSONArgsRecommended, instruction.range, instruction.written);
}
