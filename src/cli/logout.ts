import type { Command } from 'commander';
import { logout } from '../app/login/logout.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Forget the credentials of a registry, in Docker’s config.json and in the helper that it names.',
    )
    .argument('[registry]', 'default: Docker Hub')
    .option('--authfile <path>', 'in place of Docker’s config.json')
    .action(async (text: string | undefined, options: { authfile?: string }) => {
      const { registry, erased } = await logout(text, { authFile: options.authfile, signal: context.signal });
      process.stdout.write(
        erased ? `logged out of ${registry}\n` : `there were no credentials of ${registry}\n`,
      );
    });
}
