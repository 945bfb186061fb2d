import { type Command, Option } from 'commander';
import { runImage } from '../app/run.ts';
import { PolyarchError } from '../lib/errors.ts';
import { ExitWith } from './exit-with.ts';
import { ownTerminal } from './own-terminal.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { renderError } from './render-error.ts';
import { type SandboxFlags, sandboxOption } from './sandbox-option.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';

/** What Docker gives when it is not the program that failed. */
const ownFailureExit = 125;

interface Flags extends SandboxFlags, RegistryFlags {
  readonly platform?: string;
  readonly entrypoint?: string;
  readonly env: string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly network: 'host' | 'none';
  readonly volume: string[];
  readonly interactive?: boolean;
  readonly tty?: boolean;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Run an image once; what it changes is thrown away. The exit code is the program’s, or 125 when it could not be started.',
    )
    .argument('<reference>', 'an image of the local store, else of a registry')
    .argument('[command...]', 'in place of the image’s own')
    .passThroughOptions()
    .option('--platform <platform>', 'platform to run (default: this machine’s)')
    .option('--entrypoint <program>', 'in place of the image’s own')
    .option(
      '-e, --env <name=value>',
      'environment; NAME alone takes this process’s value',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option('-i, --interactive', 'pass standard input on to the program')
    .option('-t, --tty', 'give the program a terminal, joined to this one')
    .option(
      '-v, --volume <host:path[:ro]>',
      'a file or directory of this machine',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option('-w, --workdir <path>', 'working directory')
    .option('-u, --user <user>', 'user[:group], names or numbers')
    .addOption(new Option('--network <mode>', 'network').choices(['host', 'none']).default('host'))
    .addOption(sandboxOption())
    .option('--rm', 'the default: nothing of a run is kept')
    .action(async (reference: string, words: string[], flags: Flags) => {
      try {
        const exitCode = await runImage({
          reference,
          command: words,
          platform: flags.platform,
          entrypoint: flags.entrypoint,
          environment: flags.env,
          workdir: flags.workdir,
          user: flags.user,
          network: flags.network,
          volumes: flags.volume,
          stdin: flags.interactive ? 'inherit' : 'empty',
          terminal: flags.tty ? ownTerminal({ interactive: flags.interactive ?? false }) : undefined,
          sandbox: flags.sandbox,
          registry: registrySettings(flags),
          signal: context.signal,
          onEvent: (event) => {
            if (event.type !== 'blob' || event.state !== 'exists') tellTransferEvent(event);
          },
        });
        throw new ExitWith(exitCode);
      } catch (error) {
        if (error instanceof ExitWith || !(error instanceof PolyarchError) || context.signal.aborted)
          throw error;
        if (error.code === 'USAGE') throw error;
        process.stderr.write(renderError(error, { debug: false }));
        throw new ExitWith(ownFailureExit);
      }
    });
  return addRegistryOptions(program);
}
