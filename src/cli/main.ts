import { version } from '../lib/version.ts';
import { type CommandEntry, commands } from './commands.ts';

const usageExit = 2;

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, entry]) => `  ${name.padEnd(width)}  ${entry.summary}`);
  return [
    'polyarch: multi-architecture container images, from a Dockerfile to a registry, without a daemon',
    '',
    'Usage: polyarch COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...lines,
    '',
    'polyarch COMMAND --help shows the options of a command.',
    '',
  ].join('\n');
}

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-v' || name === 'version') {
    process.stdout.write(`polyarch ${version}\n`);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? usageExit : 0;
  }
  const entry: CommandEntry | undefined = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    process.stderr.write(
      `error: Cannot run "${name}": no such command\nhint: polyarch --help lists the commands\n`,
    );
    return usageExit;
  }
  const { execute } = await import('./execute.ts');
  return await execute(name, entry, rest);
}

process.exitCode = await run(process.argv.slice(2));
