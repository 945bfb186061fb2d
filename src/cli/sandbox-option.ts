import { Option } from 'commander';
import type { SandboxChoice } from '../app/sandbox-choice.ts';

export interface SandboxFlags {
  readonly sandbox: SandboxChoice;
}

export function sandboxOption(): Option {
  return new Option(
    '--sandbox <tier>',
    'what RUN steps run in; auto: the first that works here (polyarch doctor)',
  )
    .choices(['auto', 'oci', 'chroot', 'proot'] satisfies SandboxChoice[])
    .default('auto');
}
