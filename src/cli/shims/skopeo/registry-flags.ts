import type { Command } from 'commander';
import type { RegistrySettings } from '../../../app/registry-settings.ts';
import { failure } from '../../../lib/errors.ts';
import {
  addRegistryOptions,
  type RegistryFlags,
  registrySettings,
  type Side,
} from '../../registry-options.ts';

/** skopeo's spellings beside those that our own commands share with it. */
export interface SkopeoRegistryFlags extends RegistryFlags {
  readonly username?: string;
  readonly password?: string;
  readonly srcUsername?: string;
  readonly srcPassword?: string;
  readonly srcCreds?: string | false;
  readonly destCreds?: string | false;
  readonly destUsername?: string;
  readonly destPassword?: string;
  readonly srcNoCreds?: true;
  readonly destNoCreds?: true;
}

export function addSkopeoRegistryOptions(command: Command, options: { sides?: boolean } = {}): Command {
  addRegistryOptions(command, options);
  for (const prefix of options.sides ? (['src-', 'dest-'] as const) : ([''] as const)) {
    command
      .option(`--${prefix}username <name>`, 'with the password, in place of creds')
      .option(`--${prefix}password <password>`, 'with the username, in place of creds');
    if (prefix !== '') command.option(`--${prefix}no-creds`, 'no credentials');
  }
  return command;
}

export function skopeoRegistrySettings(flags: SkopeoRegistryFlags, side?: Side): RegistrySettings {
  const [name, word, none] =
    side === 'src'
      ? [flags.srcUsername, flags.srcPassword, flags.srcNoCreds]
      : side === 'dest'
        ? [flags.destUsername, flags.destPassword, flags.destNoCreds]
        : [flags.username, flags.password, undefined];
  const settings = registrySettings(flags, side);
  if (none) return { ...settings, credential: 'anonymous' };
  if (name === undefined && word === undefined) return settings;
  if (name === undefined || word === undefined) {
    throw failure(
      'USAGE',
      'use',
      side === undefined ? '--username' : `--${side}-username`,
      'username and password go together',
    );
  }
  return { ...settings, credential: { username: name, password: word } };
}
