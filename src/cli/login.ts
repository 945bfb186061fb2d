import type { Command } from 'commander';
import { login } from '../app/login/login.ts';
import { failure } from '../lib/errors.ts';
import { prompt, readSecret } from './prompt.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';

interface Options extends RegistryFlags {
  readonly username?: string;
  readonly passwordStdin?: true;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Log in to a registry. The password is shown to the registry first; then it is kept where Docker keeps it: with the helper that ' +
        'config.json names, else in that file.',
    )
    .argument('[registry]', 'default: Docker Hub')
    .option('-u, --username <name>', 'without it, it is asked for')
    .option('--password-stdin', 'the password is standard input; without it, it is asked for and not shown')
    .action(async (registry: string | undefined, options: Options) => {
      if (options.passwordStdin && options.username === undefined) {
        throw failure('USAGE', 'use', '--password-stdin', 'it goes with --username');
      }
      const username = options.username ?? (await prompt('Username'));
      const password = options.passwordStdin
        ? await readSecret()
        : await prompt('Password', { hidden: true });
      const { helper, file, ...found } = await login(registry, {
        username,
        password,
        registry: registrySettings(options),
        signal: context.signal,
        onEvent: (event) => tellTransferEvent(event),
      });
      const place = helper === undefined ? `unencrypted in ${file}` : `with docker-credential-${helper}`;
      process.stdout.write(
        `logged in to ${found.registry} as ${found.username}; the password is kept ${place}\n`,
      );
    });
  return addRegistryOptions(program, { creds: false });
}
